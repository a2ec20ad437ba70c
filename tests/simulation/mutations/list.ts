/** Every mutation that is tried. */
import { balancerMutations } from './balancer-mutations.ts'
import { journalMutations, snapshotMutations } from './journal-mutations.ts'
import { authorityMutations, leaseMutations } from './lease-mutations.ts'
import type { Mutation } from './mutation.ts'

export const mutations: readonly Mutation[] = [
  ...journalMutations,
  ...snapshotMutations,
  ...leaseMutations,
  ...authorityMutations,
  ...balancerMutations,
]
