/** `heartline load`: runs the test client and reports. */
import type { Logger } from 'pino'
import type { LoadOptions } from './config.ts'
import { createLoad } from './load.ts'
import { ProgressLine } from './progress.ts'
import { isClean, summaryOf } from './report.ts'

/** Resolves with the exit code: 1 on any error, lost or doubled. An abort ends the sending; what was sent is still verified. */
export async function runLoad(options: LoadOptions, log: Logger, signal: AbortSignal): Promise<number> {
  const load = createLoad(options)
  log.debug({ target: options.target, rate: options.rate, clients: options.clients, seed: options.seed }, 'load starts')
  const line = new ProgressLine()
  line.start(() => load.progress())
  try {
    const { report, findings, readBackError } = await load.run(signal)
    line.stop()
    if (readBackError) log.error({ error: readBackError.message }, 'nothing could be verified: reading back failed')
    process.stdout.write(`${options.json ? JSON.stringify(report) : summaryOf(report, findings)}\n`)
    return isClean(report) ? 0 : 1
  } finally {
    line.stop()
  }
}

export { type LoadOptions, loadOptions } from './config.ts'
