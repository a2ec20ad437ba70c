/** Rare faults of balancers, brought about. */
import { calmPlan, type Scenario, Stage } from './scenario.ts'

const heldMax = 3

export const balancerScenarios: readonly Scenario[] = [
  {
    name: 'more requests than may be held',
    what: `nobody is active for a while, with more clients than the ${heldMax} requests that a balancer may hold here`,
    plan: (seed) => calmPlan(seed, { clients: 8, balancers: 1, hold: { timeMs: 10_000, requestsMax: heldMax } }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 100, incrementMs: 100 })
      stage.again(2_000, 3_000, () => {
        world.faulty(1_000)
        for (const name of world.backendHosts.keys()) world.kill(name, stage.between(300, 900))
      })
      stage.again(3, 8, () => {
        for (const [name, { lane }] of world.balancerHosts) {
          if (lane.held > heldMax)
            world.violated(`invariant 7: ${name} held requests: ${lane.held}, and ${heldMax} is the most`)
        }
      })
    },
  },
]
