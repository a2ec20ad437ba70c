/** A standby dies and joins again. */
import type { Row } from '../row.ts'
import { shapes } from '../shapes.ts'

const awayMs = 200

export const standbyRows: readonly Row[] = [
  {
    name: 'standby-dies',
    event: 'a standby dies, and joins again',
    promise: 'no error',
    allowance: 'nothing',
    shape: shapes.usual,
    run: async (stage) => {
      const [standby] = stage.standbys()
      stage.kill(standby!)
      await stage.pause(awayMs)
      await stage.start(standby!)
    },
  },
  {
    name: 'standby-joins-cold',
    event: 'a standby joins cold, with a large journal and snapshots; then the active dies',
    promise: 'no error; then a short pause',
    allowance: 'nothing',
    shape: shapes.large,
    run: async (stage) => {
      const standbys = stage.standbys()
      stage.kill(...standbys)
      await stage.pause(awayMs)
      // Said while it starts, before or after it listens.
      const restored = Promise.all(standbys.map((standby) => stage.untilSaid(standby, /restored/)))
      await Promise.all([restored, stage.start(...standbys)])
      await stage.untilWhole()
      // What they restored is what the next clients get.
      const active = stage.active()
      stage.kill(active)
      await stage.untilTakenOverFrom(active)
      await stage.start(active)
    },
  },
]
