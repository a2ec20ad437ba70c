/** `node bench/memory/main.ts`: what a key, a session and a client's key cost in memory. The table of docs/memory.md. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describeMachine } from '../machine.ts'
import type { Held, Holding } from './holding.ts'

const program = fileURLToPath(new URL('./holding-process.ts', import.meta.url))
const hugePages = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' }
const none: Holding = { keys: 0, sessions: 0, answersEach: 0, clientKeys: 0 }
const cases: readonly [name: string, holding: Holding, env?: Record<string, string>][] = [
  ['100,000 keys', { ...none, keys: 100_000 }],
  ['1,000,000 keys', { ...none, keys: 1_000_000 }],
  ['1,000,000 keys, huge pages', { ...none, keys: 1_000_000 }, hugePages],
  ['10,000 sessions, with an answer each', { ...none, sessions: 10_000, answersEach: 1 }],
  ['1,000 sessions, with 100 answers each', { ...none, sessions: 1_000, answersEach: 100 }],
  ["100,000 clients' keys", { ...none, clientKeys: 100_000 }],
]

function measure(holding: Holding, env: Record<string, string> = {}): Held {
  const args = ['--expose-gc', '--max-old-space-size=1024', program, JSON.stringify(holding)]
  return JSON.parse(execFileSync(process.execPath, args, { env: { ...process.env, ...env }, encoding: 'utf8' }))
}

const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(1)
const { cpu, node, loadBefore } = describeMachine()
const nothing = measure(none)
const lines = [
  `${cpu}, Node ${node}, load ${loadBefore}`,
  '',
  '| held | data, MiB | rss, MiB | heap, MiB | outside the heap, MiB | bytes each, heap and outside | of them data |',
  '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  `| nothing | 0 | ${mib(nothing.rss)} | ${mib(nothing.heapUsed)} | ${mib(nothing.external)} | | |`,
]
for (const [name, holding, env] of cases) {
  const base = env ? measure(none, env) : nothing
  const { rss, heapUsed, external, dataBytes } = measure(holding, env)
  const count = holding.keys + holding.sessions * holding.answersEach + holding.clientKeys
  const each = Math.round((heapUsed + external - base.heapUsed - base.external) / count)
  const columns = [mib(dataBytes), mib(rss), mib(heapUsed), mib(external), each, Math.round(dataBytes / count)]
  lines.push(`| ${name} | ${columns.join(' | ')} |`)
}
process.stdout.write(`${lines.join('\n')}\n`)
