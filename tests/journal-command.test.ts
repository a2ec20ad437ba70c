/** `heartline journal` on a real broker. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import kafkajs from 'kafkajs'
import pino from 'pino'
import { createCheckpoint, journalPorts, kafkaJournal } from '../checkpoint/index.ts'
import { type LocalKafka, startKafka } from '../compose/kafka/kafka.ts'
import { receiverOptions } from '../heartbeat-receiver/index.ts'
import { startReceiver } from '../heartbeat-receiver/service.ts'
import { needsKafka } from './needs.ts'

const log = pino({ level: 'silent' })
const main = fileURLToPath(new URL('../compose/main.ts', import.meta.url))
let kafka: LocalKafka // unset where there is no Java or Maven, and then no test runs

before(async () => {
  if (!needsKafka.skip) kafka = await startKafka({ port: 0, brokers: 1, log })
})
after(() => kafka?.stop())

async function heartline(args: string[]) {
  const all = [main, 'journal', '--kafka', kafka.brokers.join(','), ...args]
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  const lines = stdout.split('\n').filter(Boolean)
  return { lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), stderr, code: code as number }
}

async function topics(): Promise<string[]> {
  const admin = new kafkajs.Kafka({ brokers: kafka.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  const all = await admin.listTopics()
  await admin.disconnect()
  return all.filter((name) => !name.startsWith('__')).toSorted()
}

test('a journal that is not there is not made', needsKafka, async () => {
  const before = await topics()
  const { code, lines, stderr } = await heartline(['--topic-prefix', 'nobody'])
  assert.deepEqual([code, lines.length], [1, 0])
  assert.match(stderr, /^heartline journal: there is no journal nobody\.journal\.0 at [^\n]+\n$/)
  assert.deepEqual(await topics(), before)
})

test('the records of a shard are printed with the broker’s time, and none is added', needsKafka, async (t) => {
  const open = () => kafkaJournal({ brokers: kafka.brokers, topic: 'shop.journal.0', clientId: 'test', log })
  const checkpoint = createCheckpoint({ journal: open(), incarnation: 'a-1', node: 'a', log })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead(1)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  const map = checkpoint.map<number>('m')
  for (let turn = 0; turn < 5; turn++) await checkpoint.transact(() => map.set('k', turn))
  await checkpoint.close(0)
  const before = await topics()
  const { code, lines, stderr } = await heartline(['--topic-prefix', 'shop'])
  assert.deepEqual([code, stderr], [0, ''])
  const valid = lines.filter(({ verdict }) => verdict === 'valid')
  assert.deepEqual(
    valid.map(({ type }) => type),
    ['claim', ...Array.from({ length: 5 }, () => 'commit')],
  )
  const sinceMs = Date.now() - Date.parse(String(valid[0]!.appendedAt))
  assert.ok(sinceMs >= 0 && sinceMs < 60_000, `${sinceMs} ms ago`)
  const from = Number(valid.at(-1)!.offset)
  const last = await heartline(['--topic-prefix', 'shop', '--from', String(from), '--limit', '1'])
  assert.deepEqual(last.lines, [valid.at(-1)])
  const looking = open()
  t.after(() => looking.close())
  assert.equal(await looking.end(), lines.length, 'nothing was appended')
  assert.deepEqual(await topics(), before, 'nor made')
})

test('a journal that was truncated behind its snapshots has all verdicts', needsKafka, async (t) => {
  const ports = journalPorts({ kafka: kafka.brokers, topic: 'cut.journal.0', clientId: 'test', log })
  const limits = { snapshotTailBytes: 4_096, snapshotDelayMs: 1 }
  const checkpoint = createCheckpoint({ ...ports, incarnation: 'a-1', node: 'a', log, limits, standbys: () => 0 })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  checkpoint.lead(1)
  assert.equal(await checkpoint.whenLeading(5_000), true)
  const map = checkpoint.map<string>('m')
  const deadlineMs = performance.now() + 60_000
  for (let turn = 0; (await ports.journal.start()) === 0; turn++) {
    for (let key = 0; key < 20; key++) await checkpoint.transact(() => map.set(`k${key}`, 'x'.repeat(200)))
    assert.ok(performance.now() < deadlineMs, `it is truncated within ${turn} turns`)
  }
  await checkpoint.close(0)
  const { code, lines, stderr } = await heartline(['--topic-prefix', 'cut'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.ok(Number(lines[0]!.offset) > 0)
  assert.deepEqual([...new Set(lines.map(({ verdict }) => verdict))], ['valid'])
  assert.deepEqual([...new Set(lines.map(({ node }) => node))], ['a'], 'whose claim is gone')
})

test('what the receivers decided is a journal too', needsKafka, async (t) => {
  const stopping = new AbortController()
  const options = receiverOptions.parse({ port: 0, name: 'r', kafka: kafka.brokers, topicPrefix: 'decided' })
  const receiver = await startReceiver(options, log, stopping.signal)
  t.after(async () => {
    stopping.abort()
    await receiver.done
  })
  const ready = receiver.url.replace('ws:', 'http:')
  while ((await fetch(`${ready}/readyz`)).status !== 200) await new Promise((resolve) => setTimeout(resolve, 50))
  const { code, lines } = await heartline(['--topic', 'decided.decisions'])
  assert.equal(code, 0)
  assert.ok(lines.some(({ type, verdict, node }) => type === 'claim' && verdict === 'valid' && node === 'r'))
})
