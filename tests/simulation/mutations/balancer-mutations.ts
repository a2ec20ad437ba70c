/** Rules of the balancer. */
import type { Mutation } from './mutation.ts'

export const balancerMutations: readonly Mutation[] = [
  {
    name: 'no hold limit',
    rule: 'holding is bounded in count, bytes and time',
    edits: [
      {
        file: 'load-balancer/holding.ts',
        find: "if (this.#holds.size >= this.#limits.requestsMax) return 'too many'",
        replace: '',
      },
    ],
    trial: { by: 'scenario', name: 'more requests than may be held' },
  },
]
