import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { firstCommands, promised, type Step } from './first-failover.ts'
import { faultsOf, tableOf, untilFailoverMs } from './report.ts'

const steps: Step[] = [
  { what: 'the clone is there', command: 'git clone', tookMs: 500 },
  { what: 'it has ended, with exit code 0', command: 'npm ci', tookMs: 20_000 },
  { what: 'clients are served', command: 'npm run demo', tookMs: 9_000 },
  { what: 'the first failover is seen', command: 'npm run demo', tookMs: 3_000 },
  { what: 'it has ended, with exit code 0', command: 'npm run demo', tookMs: 20_000 },
]
const changed = { added: 10, removed: 8 }

test('the time that counts ends with the first failover, and the clone counts', () => {
  assert.equal(untilFailoverMs(steps), 32_500)
  assert.deepEqual(faultsOf({ steps }, changed), [])
  assert.match(tableOf(steps, changed), /\| `npm run demo` \| the first failover is seen \| 3\.0 s \| 32\.5 s \|/)
})

test('a third command, a failover that comes late and an eleventh line are faults', () => {
  const late = steps.with(1, { ...steps[1]!, tookMs: promised.firstFailoverMs })
  assert.match(faultsOf({ steps: late }, changed).join(), /^the first failover was seen after 192\.5 s, not 180\.0 s$/)
  const third = steps.toSpliced(1, 0, { what: 'it has ended, with exit code 0', command: 'npm run build', tookMs: 1 })
  assert.match(faultsOf({ steps: third }, changed).join(), /^it took 3 commands, not 2$/)
  assert.match(faultsOf({ steps }, { added: 11, removed: 8 }).join(), /^a service changed 11 lines, not 10$/)
})

test('a command that fails is a fault, with its last words, and so is a failover that nobody saw', () => {
  const faults = faultsOf({ steps: steps.slice(0, 2), failure: 'no disk' }, changed)
  assert.deepEqual(faults, ['npm ci failed, and said last:\nno disk', 'no failover was seen'])
})

test('the README begins with two commands', () => {
  assert.deepEqual(
    firstCommands('# X\n```sh\ngit clone x\ncd x\nnpm ci   # fetches\nnpm run demo\n```\n```sh\nother\n```'),
    ['npm ci', 'npm run demo'],
  )
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
  assert.deepEqual(firstCommands(readme), ['npm ci', 'npm run demo'])
})
