/** The log line of a crash, as a block for the terminal. */
import { type BlockSize, crashBlock, type ToldCrash } from './crash-block.ts'
import { describeMoment } from './duration-text.ts'
import { type Paint, painted } from './live/picture.ts'

type LogLine = Readonly<Record<string, unknown>>

/** What a line with `"event":"crashed"` tells, as `heartbeat-receiver/announcements.ts` writes it; undefined for all others, and those of older receivers. */
export function crashOfLine(line: LogLine): ToldCrash | undefined {
  const { event, backend, reason, proven = true, done, advice = null, lastLines = [] } = line
  if (event !== 'crashed' || typeof backend !== 'string' || typeof done !== 'string') return undefined
  return {
    happened: `${backend} ${proven === false ? 'is lost' : 'crashed'}: ${reason}`,
    done,
    advice: typeof advice === 'string' ? advice : null,
    lastLines: Array.isArray(lastLines) ? lastLines.map(String) : [],
  }
}

/** The block with a blank line before and after it, each with an end of line. */
export function crashText(crash: ToldCrash, atMs: number, size: BlockSize, paint: Paint): string {
  const lines = crashBlock(crash, describeMoment(atMs), size).map((line) => painted(line, paint))
  return ['', ...lines, '', ''].join('\n')
}
