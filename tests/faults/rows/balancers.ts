/** A balancer dies, or cannot hear the receivers. */
import type { Row } from '../row.ts'
import { shapes } from '../shapes.ts'

const hearsNothingMs = 500

export const balancerRows: readonly Row[] = [
  {
    name: 'balancer-dies',
    event: 'one of two balancers dies',
    promise: 'its connections drop; the same requests, sent to the other, are answered',
    allowance: 'drops',
    shape: shapes.usual,
    run: async (stage) => {
      stage.kill('balancer-1')
      await stage.untilServed()
      await stage.start('balancer-1')
    },
  },
  {
    name: 'balancer-cut-off-from-receivers',
    event: 'a balancer is cut off from the receivers while the active changes',
    promise: 'it follows the backends: a pause',
    allowance: 'nothing',
    shape: shapes.usual,
    run: async (stage) => {
      await stage.cut('balancer-1', stage.system.namesOf('receiver'))
      await stage.pause(hearsNothingMs)
      const active = stage.active()
      stage.kill(active)
      await stage.untilTakenOverFrom(active)
      await stage.heal()
      await stage.start(active)
    },
  },
]
