/** `npm run record`: records a real demo in a real terminal, as the picture of the README. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { readFlags } from '../flags.ts'
import { noTerminal, TestTerminal } from '../live/test-terminal.ts'
import { frameOf, thinned } from './screen-frames.ts'
import { type Frame, terminalSvg } from './terminal-svg.ts'

const size = { columns: 96, rows: 34 } as const
const svgBytesMax = 145_000
const [gapMsMin, pauseMsMax, holdMs] = [300, 1_500, 6_000]

const options = z.object({
  out: z.string().default('docs/images/failover.svg').meta({ description: 'file to write' }),
  kafka: z
    .string()
    .optional()
    .meta({ description: 'as of demo; without it the embedded journal in a fresh directory' }),
  kills: z.coerce.number().int().min(1).max(9).default(3).meta({ description: 'as of demo' }),
  rate: z.coerce.number().int().min(1).default(400).meta({ description: 'as of demo' }),
})

const read = readFlags(options, process.argv.slice(2), {})
if (read.kind !== 'values') {
  process.stderr.write(
    `${read.kind === 'problems' ? read.problems.join('\n') : 'npm run record -- [--out FILE] [--kafka PLACE] [--kills N] [--rate N]'}\n`,
  )
  process.exit(2)
}
if (noTerminal) throw new Error(noTerminal)
process.exitCode = await record(read.values)

async function record({ out, kafka, kills, rate }: z.output<typeof options>): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-recording-'))
  const main = join(import.meta.dirname, '..', 'main.ts')
  const place = kafka ?? `file:${directory}`
  const frames: Frame[] = []
  const startMs = performance.now()
  const terminal = new TestTerminal({
    ...size,
    command: [process.execPath, main, 'demo', '--kafka', place, '--kills', `${kills}`, '--rate', `${rate}`],
    env: { NO_COLOR: undefined, FORCE_COLOR: undefined, COLORTERM: undefined },
    onOutput: () => frames.push(frameOf(terminal.screen, performance.now() - startMs)),
  })
  try {
    const code = await terminal.exited()
    if (code !== 0) throw new Error(`the demo failed, so it is not shown; the last of it:\n${terminal.text}`)
  } finally {
    await terminal.close()
    await rm(directory, { recursive: true, force: true })
  }
  const description = `The active backend is killed with kill -9 ${kills} times under load. Each time another takes over, and the report at the end says that no client saw an error, a loss or a doubling.`
  const draw = (gap: number) =>
    terminalSvg(thinned(frames, gap, pauseMsMax), {
      ...size,
      title: 'heartline demo in a terminal',
      description,
      holdMs,
    })
  let svg = draw(gapMsMin)
  // A slow machine plays a longer film: then it has fewer pictures for its length.
  for (let gap = gapMsMin; Buffer.byteLength(svg) > svgBytesMax; gap *= 1.2) svg = draw(gap)
  await writeFile(out, svg)
  process.stdout.write(`${out}: ${Buffer.byteLength(svg)} bytes\n`)
  return 0
}
