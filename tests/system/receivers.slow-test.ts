/** Two receivers over one Kafka: the one that leads is killed, stopped and restarted, and loses its journal. With real processes, under load. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import pino from 'pino'
import { type Cluster, startCluster } from '../../compose/cluster.ts'
import type { LogLine } from '../../compose/processes.ts'
import { needsKafka } from '../needs.ts'

const log = pino({ level: 'silent' })
/** Far more than it takes on a machine that does nothing else, milliseconds. */
const patienceMs = 20_000

class Installation {
  readonly cluster: Cluster
  readonly topicPrefix: string
  readonly lines: { name: string; line: LogLine; atMs: number }[]
  readonly #answers: { status: number; value: number }[] = []
  readonly #ended: Promise<void>
  #ending = false

  constructor(cluster: Cluster, topicPrefix: string, lines: Installation['lines']) {
    this.cluster = cluster
    this.topicPrefix = topicPrefix
    this.lines = lines
    this.#ended = this.#load()
  }

  /** When a receiver said that it leads, last. */
  leadsSinceMs(name: string): number | undefined {
    const own = this.lines.filter((one) => one.name === name)
    const last = own.findLast(({ line }) => line.event === 'authorized' || line.event === 'deauthorized')
    return last?.line.event === 'authorized' ? last.atMs : undefined
  }

  async leading(except?: string): Promise<string> {
    return until(`a receiver other than ${except} leads`, () =>
      this.cluster.receivers.find((name) => name !== except && this.leadsSinceMs(name) !== undefined),
    )
  }

  said(name: string, event: string): LogLine[] {
    return this.lines.filter((one) => one.name === name && one.line.event === event).map(({ line }) => line)
  }

  /** What the receiver of this name says is active. */
  async active(name: string): Promise<{ name: string; epoch: number } | undefined> {
    const url = this.cluster.processes.get(name)!.url!.replace(/^ws/, 'http')
    const response = await fetch(`${url}/active`).catch(() => undefined)
    return response?.ok ? ((await response.json()) as { name: string; epoch: number }) : undefined
  }

  /** Waits until more requests were answered: somebody serves. */
  async serves(): Promise<void> {
    const before = this.#answers.length
    await until('requests are answered', () => (this.#answers.length > before + 5 ? true : undefined))
  }

  /** Every request was answered with 200 and counted once. */
  async check(): Promise<void> {
    this.#ending = true
    await this.#ended
    assert.deepEqual([...new Set(this.#answers.map(({ status }) => status))], [200])
    const values = this.#answers.map(({ value }) => value).sort((a, b) => a - b)
    assert.deepEqual(
      values,
      values.map((_, index) => index + 1),
    )
  }

  async #load(): Promise<void> {
    await Promise.all(Array.from({ length: 2 }, () => this.#client()))
  }

  async #client(): Promise<void> {
    while (!this.#ending) {
      const response = await fetch(`${this.cluster.balancerUrl}/counters/c/increments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      const { value } = (await response.json()) as { value: number }
      this.#answers.push({ status: response.status, value })
      await sleep(10)
    }
  }
}

async function start(t: TestContext): Promise<Installation> {
  const lines: Installation['lines'] = []
  const topicPrefix = `receivers-${randomBytes(4).toString('hex')}`
  const cluster = await startCluster({
    ...{ backends: 2, receivers: 2, ports: 'free', topicPrefix, log },
    onLine: (name, line) => lines.push({ name, line, atMs: performance.now() }),
  })
  t.after(() => cluster.stop())
  return new Installation(cluster, topicPrefix, lines)
}

async function until<T>(what: string, find: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const found = await find()
    if (found !== undefined) return found
    assert.ok(performance.now() < deadlineMs, `within ${patienceMs} ms: ${what}`)
    await sleep(10)
  }
}

async function kill(cluster: Cluster, name: string): Promise<void> {
  const managed = cluster.processes.get(name)!
  managed.kill('SIGKILL')
  await managed.exited
}

test('two receivers: the leader dies, hangs, and both are restarted; no request fails', needsKafka, async (t) => {
  const installation = await start(t)
  const { cluster } = installation
  await installation.serves()
  const first = await installation.leading()
  const before = await until('the active is known', () => installation.active(first))

  await t.test('killed: another leads soon, keeps the active, and decides under a higher epoch', async () => {
    const atMs = performance.now()
    await kill(cluster, first)
    const second = await installation.leading(first)
    t.diagnostic(`leader killed: another leads after ${Math.round(installation.leadsSinceMs(second)! - atMs)} ms`)
    assert.match(String(installation.said(second, 'authorized').at(-1)!.msg), /is gone: a connection was refused/)
    const after = await until('it has decided', async () => {
      const active = await installation.active(second)
      return active && active.epoch > before.epoch ? active : undefined
    })
    assert.equal(after.name, before.name)
    await installation.serves()
  })

  await t.test('back again, it follows', async () => {
    await cluster.processes.restart(first)
    await until('it follows', () => installation.said(first, 'follows').at(-1))
    await sleep(500)
    assert.equal(
      await installation.leading(first),
      cluster.receivers.find((name) => name !== first),
    )
  })

  await t.test('stopped: another leads when its authority has run out; continued, it follows', async () => {
    const stopped = await installation.leading(first)
    const managed = cluster.processes.get(stopped)!
    const atMs = performance.now()
    managed.kill('SIGSTOP')
    t.after(() => managed.kill('SIGCONT'))
    await until('the other leads', () => {
      const sinceMs = installation.leadsSinceMs(first)
      return sinceMs !== undefined && sinceMs > atMs ? sinceMs : undefined
    })
    t.diagnostic(`leader stopped: another leads after ${Math.round(installation.leadsSinceMs(first)! - atMs)} ms`)
    await installation.serves()
    managed.kill('SIGCONT')
    await until('it leads no more', () => installation.said(stopped, 'deauthorized').at(-1))
    await until('both say the same', async () => {
      const [one, other] = await Promise.all([installation.active(first), installation.active(stopped)])
      return one && one.epoch === other?.epoch ? true : undefined
    })
    await installation.serves()
  })

  await t.test('both restarted: one leads, the active stays', async () => {
    const active = await until('the active is known', () => installation.active(first))
    for (const name of cluster.receivers) await kill(cluster, name)
    await installation.serves()
    const atMs = performance.now()
    for (const name of cluster.receivers) await cluster.processes.restart(name)
    const leading = await until('one leads', () =>
      cluster.receivers.find((name) => (installation.leadsSinceMs(name) ?? 0) > atMs),
    )
    const again = await until('it has decided', () => installation.active(leading))
    assert.equal(again.name, active.name)
    await installation.serves()
  })

  await t.test('their journal lost, and both restarted: they go on above what the backends report', async () => {
    const { epoch } = await until('the active is known', () => installation.active(first))
    for (const name of cluster.receivers) await kill(cluster, name)
    const admin = new Kafka({ brokers: cluster.kafka, logLevel: logLevel.NOTHING }).admin()
    await admin.deleteTopics({
      topics: ['decisions', 'decisions.snapshots'].map((topic) => `${installation.topicPrefix}.${topic}`),
    })
    await admin.disconnect()
    for (const name of cluster.receivers) await cluster.processes.restart(name)
    await until('it is decided above', async () => {
      const active = (await installation.active(first)) ?? (await installation.active(cluster.receivers[1]!))
      return active && active.epoch > epoch ? active : undefined
    })
    await installation.serves()
  })
  await installation.check()
})
