/** `heartline load`: runs the test client and reports. */
import { writeFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { unixNowMs } from './clock.ts'
import { type LoadOptions, settingsOf } from './config.ts'
import { createLoad, type LoadResult } from './load.ts'
import { ProgressLine } from './progress.ts'
import { isClean, summaryOf } from './report.ts'
import { htmlReport } from './report-page/html-report.ts'
import { pageAssets } from './report-page/page-assets.ts'
import { type RunStory, storyOf } from './report-page/run-story.ts'
import { svgReport } from './report-page/svg-report.ts'

/** Resolves with the exit code: 1 on any error, lost or doubled. An abort ends the sending; what was sent is still verified. */
export async function runLoad(options: LoadOptions, log: Logger, signal: AbortSignal): Promise<number> {
  // Before the run: whoever waited for it wants the report, not a message that it cannot be written.
  if (options.report !== undefined) await writeFile(options.report, '')
  const load = createLoad(settingsOf(options))
  log.debug({ target: options.target, rate: options.rate, clients: options.clients, seed: options.seed }, 'load starts')
  const line = new ProgressLine()
  line.start(() => load.progress())
  try {
    const result = await load.run(signal)
    line.stop()
    const { report, findings, readBackError } = result
    if (readBackError) log.error({ error: readBackError.message }, 'not all could be verified: reading back failed')
    if (options.report !== undefined) await writeReport(options.report, options, result)
    process.stdout.write(`${options.json ? JSON.stringify(report) : summaryOf(report, findings)}\n`)
    return isClean(report) ? 0 : 1
  } finally {
    line.stop()
  }
}

async function writeReport(file: string, options: LoadOptions, result: LoadResult): Promise<void> {
  const story: RunStory = storyOf(options, result, new Date(unixNowMs()))
  await writeFile(file, file.endsWith('.svg') ? svgReport(story) : htmlReport(story, await pageAssets()))
}

export { type LoadOptions, loadOptions } from './config.ts'
