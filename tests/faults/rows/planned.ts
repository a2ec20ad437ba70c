/** What is planned: a handover, a stop, a restart of everything. */
import type { Row } from '../row.ts'
import { shapes } from '../shapes.ts'

const usual = { shape: shapes.usual, promise: 'no error' } as const

export const plannedRows: readonly Row[] = [
  {
    ...usual,
    name: 'handover',
    event: 'planned handover (`heartline handover`)',
    allowance: 'nothing',
    run: async (stage) => {
      stage.note('heartline handover')
      const { code, output } = await stage.system.command('handover', '--receivers', await stage.system.receiverUrls())
      stage.note(output)
      const replaced = / in place of (\S+),/.exec(output)?.[1]
      if (code !== 0 || replaced === undefined)
        return stage.complain(`heartline handover ended with exit code ${code}: ${output}`)
      await stage.untilTakenOverFrom(replaced) // whoever it was then: a saturated machine may have changed it before the command began
    },
  },
  {
    ...usual,
    name: 'active-told-to-stop',
    event: 'the active is told to stop (SIGTERM)',
    allowance: 'nothing',
    run: async (stage) => {
      const active = stage.active()
      stage.end(active, 'SIGTERM')
      await stage.untilTakenOverFrom(active)
      await stage.start(active)
    },
  },
  {
    ...usual,
    name: 'rolling-restart',
    event: 'rolling restart of every process, one after the other (SIGTERM)',
    promise: 'no error; who dials a balancer that is away takes the other',
    allowance: 'moves',
    run: async (stage) => {
      for (const name of stage.system.names) {
        stage.end(name, 'SIGTERM')
        await stage.start(name)
        await stage.untilWhole()
      }
    },
  },
]
