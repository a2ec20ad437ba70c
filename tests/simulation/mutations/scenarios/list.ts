/** Every directed scenario. */
import { balancerScenarios } from './balancer-scenarios.ts'
import { journalScenarios } from './journal-scenarios.ts'
import { leaseScenarios } from './lease-scenarios.ts'
import type { Scenario } from './scenario.ts'

export const scenarios: readonly Scenario[] = [...journalScenarios, ...leaseScenarios, ...balancerScenarios]
