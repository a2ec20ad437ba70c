/** Several receivers over one journal of decisions, with real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { createMemoryLog, type Journal, memoryJournal } from '../checkpoint/index.ts'
import type { LogLine } from './captured-log.ts'
import { renewalMs } from './leadership.ts'
import {
  heartbeatOf,
  helloOf,
  joinBackend,
  joinFollower,
  Peer,
  startTestReceiver,
  type TestReceiver,
} from './test-receiver.ts'

/** A port that is free, below those that the system gives to whoever asks for any: nobody takes it before it is used. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer()
    const listening = once(server, 'listening')
    server.listen(10_000 + Math.floor(Math.random() * 20_000), '127.0.0.1')
    const port = await listening.then(
      () => (server.address() as { port: number }).port,
      () => null,
    )
    if (port === null) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `within 20 s: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

const said = ({ lines }: TestReceiver, event: string): LogLine[] => lines.filter((line) => line.event === event)
const leads = (receiver: TestReceiver) => said(receiver, 'authorized').length > said(receiver, 'deauthorized').length

async function getJson(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url)
  return { status: response.status, body: await response.json() }
}

/** Two receivers that know each other, each with itself in its list as well. The first leads. */
async function startTwo(t: TestContext, token?: string) {
  const journal = createMemoryLog()
  const ports = [await freePort(), await freePort()] as const
  const peers = ports.map((port) => `ws://127.0.0.1:${port}`)
  const options = { journal, peers, ...(token === undefined ? {} : { token }) }
  const first = await startTestReceiver(t, { ...options, port: ports[0], name: 'r1' })
  await until(() => leads(first))
  const second = await startTestReceiver(t, { ...options, port: ports[1], name: 'r2' })
  await until(() => said(second, 'follows').length > 0 && said(second, 'peer-connected').length > 0)
  return { journal, first, second }
}

/** A journal whose appends wait while it is held. */
function heldJournal(journal: Journal): { adapter: Journal; hold: () => void; release: () => void } {
  let held: PromiseWithResolvers<void> | null = null
  const adapter = Object.create(journal) as Journal
  for (const name of ['open', 'tail', 'start', 'end', 'truncate', 'close'] as const)
    Object.assign(adapter, { [name]: (journal[name] as (...all: never[]) => unknown).bind(journal) })
  adapter.append = async (value, deadlineMs) => {
    await held?.promise
    return journal.append(value, deadlineMs)
  }
  return {
    adapter,
    hold: () => {
      held = Promise.withResolvers()
    },
    release: () => {
      held?.resolve()
      held = null
    },
  }
}

/** A backend that has joined both receivers, and serves as soon as one of them says so. */
async function joinBoth(t: TestContext, receivers: readonly TestReceiver[], name: string) {
  const peers = await Promise.all(receivers.map((receiver) => joinBackend(t, receiver, name)))
  const { epoch } = await Promise.any(peers.map((peer) => peer.hear('lead')))
  const serving = heartbeatOf({
    sequence: 2,
    phase: 'active',
    reign: [Number(epoch), 0],
    journalReign: [Number(epoch), 0],
  })
  for (const peer of peers) peer.say(serving)
  await Promise.all(peers.map((peer) => peer.hear('ack', ({ sequence }) => sequence === 2)))
  return { peers, epoch: Number(epoch) }
}

describe('several receivers', () => {
  it('one leads, the other follows and says who; when the one stops, the other leads at once', async (t) => {
    const { first, second } = await startTwo(t)
    assert.ok(leads(first) && !leads(second))
    assert.match(said(second, 'follows')[0]!.msg, /r1/)
    await first.stop()
    await until(() => leads(second))
    assert.match(said(second, 'authorized')[0]!.msg, /this receiver leads: r1 is gone: a connection was refused/)
  })

  it('whoever follows answers all that it is asked, as the one that leads would', async (t) => {
    const { first, second } = await startTwo(t)
    await joinBoth(t, [first, second], 'a')
    await until(async () => (await getJson(`${second.base}/active`)).status === 200)
    for (const path of ['/active', '/active?name=a', '/api/decisions'])
      assert.deepEqual(await getJson(`${second.base}${path}`), await getJson(`${first.base}${path}`), path)
    const backends = (await getJson(`${second.base}/api/backends`)).body as { name: string; active: boolean }[]
    assert.deepEqual(
      backends.map(({ name, active }) => ({ name, active })),
      [{ name: 'a', active: true }],
    )
    for (const [receiver, leading] of [
      [first, true],
      [second, false],
    ] as const) {
      assert.deepEqual((await getJson(`${receiver.base}/readyz`)).body, { status: 'ready', leads: leading })
      const metrics = await (await fetch(`${receiver.base}/metrics`)).text()
      assert.match(metrics, new RegExp(`^heartline_receiver_leads ${leading ? 1 : 0}$`, 'm'))
      assert.match(metrics, /^heartline_epoch\{shard="0"\} 1$/m)
      const follower = await joinFollower(t, receiver)
      const told = await follower.hear('decisions', ({ decisions }) => (decisions as []).length > 0)
      assert.equal(told.leads, leading)
    }
    const events = await fetch(`${second.base}/api/events`)
    const { value } = await events.body!.getReader().read()
    assert.equal(events.status, 200)
    assert.ok(value)
  })

  it('only the one that leads names backends, and another than it named is named when that one is gone', async (t) => {
    const { first, second } = await startTwo(t)
    const { peers } = await joinBoth(t, [first, second], 'a')
    assert.ok(peers[0]!.messages.some(({ type }) => type === 'lead'))
    assert.ok(!peers[1]!.messages.some(({ type }) => type === 'lead'))
    await first.stop()
    const lead = await peers[1]!.hear('lead')
    assert.ok(Number(lead.epoch) > 1 && lead.incarnation === 'a-1', 'the same backend, under a higher epoch')
  })

  it('a peer hears from the one that leads every 50 ms, and is told nothing so often by one that follows', async (t) => {
    const { first, second } = await startTwo(t)
    const counts: number[] = []
    for (const receiver of [first, second]) {
      const peer = await joinFollower(t, receiver, { role: 'receiver', name: 'p' })
      await new Promise((resolve) => setTimeout(resolve, 10 * renewalMs))
      counts.push(
        peer.messages.filter(({ type, intervalMs }) => type === 'decisions' && intervalMs === renewalMs).length,
      )
    }
    assert.ok(counts[0]! >= 3 && counts[1] === 0, counts.join())
  })

  it('without peers too, a second one follows; if the first cannot write it takes over, and the first follows', async (t) => {
    const journal = createMemoryLog()
    const { adapter, hold, release } = heldJournal(memoryJournal(journal))
    const first = await startTestReceiver(t, { adapter, name: 'r1' })
    await until(() => leads(first))
    const second = await startTestReceiver(t, { journal, name: 'r2' })
    await until(() => said(second, 'follows').length > 0)
    assert.ok(!leads(second))
    hold()
    await until(() => leads(second))
    assert.match(said(second, 'authorized')[0]!.msg, /r1 recorded nothing for \d+ ms/)
    release()
    await until(() => said(first, 'deauthorized').length > 0)
    assert.match(said(first, 'deauthorized')[0]!.msg, /receiver r2 leads now; this one follows/)
    const backend = new Peer(t, `${first.url}/heartbeats`)
    await backend.open()
    backend.say(helloOf('a'))
    backend.say(heartbeatOf())
    await backend.hear('ack')
    await joinBackend(t, second, 'a').then((peer) => peer.hear('lead'))
    assert.ok(!backend.messages.some(({ type }) => type === 'lead'))
    const decided = (await getJson(`${second.base}/api/decisions`)).body
    await until(async () => isDeepStrictEqual((await getJson(`${first.base}/api/decisions`)).body, decided))
  })

  it('one that starts where the one that leads was takes its place at once', async (t) => {
    const journal = createMemoryLog()
    const port = await freePort()
    const first = await startTestReceiver(t, { journal, port })
    await until(() => leads(first))
    await first.stop()
    const second = await startTestReceiver(t, { journal, port })
    await until(() => leads(second))
    assert.match(said(second, 'authorized')[0]!.msg, /is gone: this receiver listens where it did/)
  })

  it('knows itself in its list of peers, and says which peer does not know its token', async (t) => {
    const { journal, first } = await startTwo(t, 'a-secret')
    await until(() => said(first, 'peer-self').length === 1)
    const stranger = await startTestReceiver(t, { journal, name: 'r3', peers: [first.url], token: 'another-one' })
    await until(() => said(stranger, 'refused').length > 0)
    assert.deepEqual([said(stranger, 'refused')[0]!.level, said(stranger, 'refused')[0]!.peer], [50, first.url])
    assert.ok(![...first.lines, ...stranger.lines].some((line) => JSON.stringify(line).includes('a-secret')))
  })
})
