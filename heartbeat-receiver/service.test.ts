import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { CheckpointError, createMemoryLog, type Journal, memoryJournal } from '../checkpoint/index.ts'
import { capturedLog } from './captured-log.ts'
import { receiverOptions } from './config.ts'
import { startReceiver } from './index.ts'
import {
  deadUrl,
  heartbeatOf,
  joinBackend,
  joinFollower,
  Peer,
  startTestReceiver,
  type TestReceiver,
} from './test-receiver.ts'

/** A backend that says it leads as soon as it is told to. */
async function joinLeader(t: TestContext, receiver: TestReceiver, name: string, url: string) {
  const backend = await joinBackend(t, receiver, name, { url })
  const epoch = Number((await backend.hear('lead')).epoch)
  backend.say(heartbeatOf({ sequence: 2, phase: 'active', reign: [epoch, 0], journalReign: [epoch, 0] }))
  await backend.hear('ack', ({ sequence }) => sequence === 2)
  return { backend, epoch }
}

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever was answered
type Answer = { status: number; type: string | null; body: any }

async function getJson(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, { headers })
  return { status: response.status, type: response.headers.get('content-type'), body: await response.json() }
}

describe('receiver service', () => {
  it('tells of a crash: the follower, the successor, and one error line for the person at the terminal', async (t) => {
    const receiver = await startTestReceiver(t)
    const follower = await joinFollower(t, receiver)
    const { backend } = await joinLeader(t, receiver, 'a', await deadUrl())
    const successor = await joinBackend(t, receiver, 'b')
    backend.kill()
    await successor.hear('lead')
    const decided = await follower.hear('decided', ({ decision }) => (decision as { name: string }).name === 'b')
    assert.deepEqual(decided.decision, {
      ...{ shard: 0, epoch: 2, name: 'b', incarnation: 'b-1', url: 'http://127.0.0.1:9', exactlyOnce: true },
    })
    const errors = receiver.lines.filter(({ level }) => level === 50)
    assert.equal(errors.length, 1)
    assert.match(
      errors[0]!.msg,
      /^a crashed: its connection was closed and a new one was refused; b leads now with epoch 2, decided in [\d.]+ ms$/,
    )
    const { incarnation, leader, epoch, event } = errors[0]!
    assert.deepEqual(
      { incarnation, leader, epoch, event },
      { incarnation: 'a-1', leader: 'b', epoch: 2, event: 'crashed' },
    )
  })

  it('tells of a crash that the parent told of: with the last lines, which cannot steer a terminal', async (t) => {
    const receiver = await startTestReceiver(t)
    const { backend } = await joinLeader(t, receiver, 'a', 'http://127.0.0.1:9')
    const lastLines = ['\u001b[31mred\u001b[0m\u0007 bell', 'two\u009b2J']
    backend.say({ type: 'goodbye', reason: 'its process ended with exit code 3', crashed: true, lastLines })
    await joinBackend(t, receiver, 'b').then((peer) => peer.hear('lead'))
    const [line] = receiver.lines.filter(({ level }) => level === 50)
    const expected =
      'a crashed: its process ended with exit code 3; nobody can lead now; its last lines: red bell | two'
    assert.equal(line!.msg, expected)
    assert.deepEqual(line!.lastLines, ['red bell', 'two'])
  })

  it('keeps its decisions over a restart', async (t) => {
    const journal = createMemoryLog()
    const first = await startTestReceiver(t, { journal })
    const { epoch } = await joinLeader(t, first, 'a', await deadUrl())
    await first.stop()
    const second = await startTestReceiver(t, { journal })
    const again = await joinBackend(t, second, 'a')
    again.say(heartbeatOf({ sequence: 2, phase: 'active', reign: [epoch, 0], journalReign: [epoch, 0] }))
    // It stays, above what the first may have said before that was durable.
    const lead = await again.hear('lead', (message) => message.epoch === epoch + 2)
    assert.equal(lead.incarnation, 'a-1')
  })

  it('hears backends while its journal cannot be reached, and says what it waits for', async (t) => {
    const adapter: Journal = {
      ...memoryJournal(),
      open: () => Promise.reject(new CheckpointError('JOURNAL_UNREACHABLE', 'no Kafka at 127.0.0.1:1')),
      close: async () => undefined,
    }
    const receiver = await startTestReceiver(t, { adapter })
    await joinBackend(t, receiver, 'a')
    assert.equal((await getJson(`${receiver.base}/healthz`)).status, 200)
    const ready = await getJson(`${receiver.base}/readyz`)
    assert.deepEqual([ready.status, ready.body.title], [503, 'waiting for the journal of decisions'])
    const waiting = receiver.lines.filter(({ msg }) => msg === 'waiting for the journal')
    assert.deepEqual(
      waiting.map(({ reason }) => reason),
      ['no Kafka at 127.0.0.1:1'],
    )
  })

  it('ends with the error of a journal that must not be trusted', async (t) => {
    const adapter: Journal = {
      ...memoryJournal(),
      open: () => Promise.reject(new CheckpointError('JOURNAL_UNSAFE', 'retention.ms is 604800000')),
      close: async () => undefined,
    }
    const receiver = await startTestReceiver(t, { adapter })
    await assert.rejects(receiver.done, { code: 'JOURNAL_UNSAFE' })
  })

  it('says in one line that its port is in use', async (t) => {
    const { port } = await startTestReceiver(t)
    await assert.rejects(startTestReceiver(t, { port }), {
      code: 'PORT_IN_USE',
      message: `127.0.0.1:${port} is in use: stop what listens there, or choose another port with --port`,
    })
  })

  it('refuses to listen beyond loopback without a token', async (t) => {
    const { log } = capturedLog()
    const abort = new AbortController()
    t.after(() => abort.abort())
    const open = receiverOptions.parse({ host: '0.0.0.0', port: 0 })
    await assert.rejects(startReceiver(open, log, abort.signal), { code: 'UNSAFE_LISTEN' })
    const dependencies = { journal: memoryJournal() }
    const { done } = await startReceiver({ ...open, token: 'a-secret' }, log, abort.signal, dependencies)
    abort.abort()
    await done
  })

  it('stops in order: followers are told, and the port is free again', async (t) => {
    const receiver = await startTestReceiver(t)
    const follower = await joinFollower(t, receiver)
    await fetch(`${receiver.base}/api/events`)
    await receiver.stop()
    await receiver.done
    assert.deepEqual(await follower.closed, { code: 1001, reason: 'the receiver stops' })
    const server = createServer().listen(receiver.port, '127.0.0.1')
    t.after(() => server.close())
    await once(server, 'listening')
  })
})

describe('receiver options', () => {
  it('take the contract’s defaults', () => {
    const { host, port, heartbeatMs, shards, peers, kafka, topicPrefix } = receiverOptions.parse({})
    assert.deepEqual(
      { host, port, heartbeatMs, shards, peers, kafka, topicPrefix },
      {
        ...{ host: '127.0.0.1', port: 7070, heartbeatMs: 100, shards: 1, peers: [] },
        kafka: ['127.0.0.1:9092'],
        topicPrefix: 'heartline',
      },
    )
  })
  const bad: [options: object, problem: RegExp][] = [
    [{ shards: '2' }, /this version has one shard/],
    [{ peers: 'other:7070' }, /expected URLs of receivers such as ws:/],
    [{ heartbeatMs: '5ms' }, /from 20ms to 60s/],
    [{ name: 'a b' }, /letters, digits/],
    [{ port: '70000' }, /port/],
  ]
  for (const [options, problem] of bad) {
    it(`refuse ${JSON.stringify(options)} with a reason`, () => {
      assert.match(receiverOptions.safeParse(options).error?.issues[0]?.message ?? '', problem)
    })
  }
})

describe('receiver HTTP', () => {
  it('answers who is active, also as a health check of one backend', async (t) => {
    const receiver = await startTestReceiver(t)
    const none = await getJson(`${receiver.base}/active`)
    assert.deepEqual([none.status, none.type], [503, 'application/problem+json; charset=utf-8'])
    const url = await deadUrl()
    const { backend } = await joinLeader(t, receiver, 'a', url)
    assert.deepEqual((await getJson(`${receiver.base}/active`)).body, { name: 'a', url, epoch: 1 })
    assert.equal((await getJson(`${receiver.base}/active?name=a`)).status, 200)
    assert.equal((await fetch(`${receiver.base}/active`)).headers.get('x-heartline-backend'), 'a')
    assert.equal((await getJson(`${receiver.base}/active?name=b`)).status, 503)
    const follower = await joinFollower(t, receiver)
    backend.kill()
    await joinBackend(t, receiver, 'b')
    await follower.hear('decided', ({ decision }) => (decision as { name: string }).name === 'b')
    assert.equal((await getJson(`${receiver.base}/active?name=a`)).status, 503)
  })

  it('shows backends and decisions', async (t) => {
    const receiver = await startTestReceiver(t)
    await joinLeader(t, receiver, 'a', await deadUrl())
    await joinBackend(t, receiver, 'b', { weight: 3 })
    const backends = (await getJson(`${receiver.base}/api/backends`)).body
    assert.deepEqual(
      backends.map(({ name, phase, alive, active, weight }: never) => ({ name, phase, alive, active, weight })),
      [
        { name: 'a', phase: 'active', alive: true, active: true, weight: 1 },
        { name: 'b', phase: 'standby', alive: true, active: false, weight: 3 },
      ],
    )
    const since = Date.now() - backends[0].activeSinceMs
    assert.ok(since >= -50 && since < 60_000, 'a time in Unix milliseconds')
    assert.ok(backends[0].silentMs >= 0 && backends[0].suspicion >= 0)
    assert.equal((await getJson(`${receiver.base}/api/decisions`)).body[0].name, 'a')
  })

  it('streams events, and replays the last ones to those who come later', async (t) => {
    const receiver = await startTestReceiver(t)
    const url = await deadUrl()
    const { backend } = await joinLeader(t, receiver, 'a', url)
    const abort = new AbortController()
    t.after(() => abort.abort())
    const response = await fetch(`${receiver.base}/api/events`, { signal: abort.signal })
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    await joinBackend(t, receiver, 'b')
    backend.kill()
    const seen: string[] = []
    let text = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const block of blocks) seen.push(/^event: (.*)$/m.exec(block)?.[1] ?? '')
      if (seen.filter((type) => type === 'decided').length === 2) break
    }
    assert.deepEqual(seen.slice(1), ['joined', 'decided', 'ready', 'joined', 'suspected', 'left', 'decided'])
  })

  it('asks for the token where there is one, but not for health and the active', async (t) => {
    const receiver = await startTestReceiver(t, { token: 'a-secret' })
    for (const path of ['/api/backends', '/api/decisions', '/api/events', '/metrics']) {
      for (const authorization of ['', 'Bearer wrong', 'Basic secret']) {
        const { status, body } = await getJson(`${receiver.base}${path}`, { authorization })
        assert.deepEqual([status, body.title], [401, 'wrong or missing token'])
      }
    }
    const allowed = await getJson(`${receiver.base}/api/backends`, { authorization: 'Bearer a-secret' })
    assert.deepEqual([allowed.status, allowed.body], [200, []])
    assert.equal((await fetch(`${receiver.base}/healthz`)).status, 200)
    assert.equal((await fetch(`${receiver.base}/active`)).status, 503)
  })

  it('has the metrics of the contract', async (t) => {
    const receiver = await startTestReceiver(t)
    const { backend } = await joinLeader(t, receiver, 'a', await deadUrl())
    const follower = await joinFollower(t, receiver)
    await joinBackend(t, receiver, 'b')
    backend.kill()
    await follower.hear('decided', ({ decision }) => (decision as { name: string }).name === 'b')
    const metrics = await (await fetch(`${receiver.base}/metrics`)).text()
    for (const line of [
      'heartline_heartbeats_total{backend="a"} 2',
      'heartline_heartbeat_gap_seconds_count 1',
      'heartline_suspicions_total{reason="closed"} 1',
      'heartline_epoch{shard="0"} 2',
      'heartline_failover_seconds_count 0',
    ])
      assert.ok(metrics.includes(line), line)
    assert.match(metrics, /nodejs_eventloop_lag_seconds/)
  })

  it('answers problems as such, and never with a stack trace', async (t) => {
    const receiver = await startTestReceiver(t)
    for (const [path, status] of [
      ['/nowhere', 404],
      ['/%', 404],
    ] as const) {
      const { status: got, body } = await getJson(`${receiver.base}${path}`)
      assert.equal(got, status)
      assert.ok(!JSON.stringify(body).includes('at '))
    }
  })
})

describe('receiver and its followers', () => {
  it('a balancer’s report of a dead backend is probed and decided, though its connection is still open', async (t) => {
    const receiver = await startTestReceiver(t)
    const follower = await joinFollower(t, receiver)
    await joinLeader(t, receiver, 'a', await deadUrl())
    const successor = await joinBackend(t, receiver, 'b')
    follower.say({ type: 'report', incarnation: 'a-1', epoch: 1, kind: 'refused' })
    await successor.hear('lead')
    const [error] = receiver.lines.filter(({ level }) => level === 50)
    assert.match(error!.msg, /balancer b says a connection was refused/)
  })

  it('an epoch that a follower has seen is decided above', async (t) => {
    const receiver = await startTestReceiver(t)
    await joinLeader(t, receiver, 'a', await deadUrl())
    const follower = await joinFollower(t, receiver, { epoch: 40 })
    const { decision } = await follower.hear('decided')
    assert.equal((decision as { epoch: number }).epoch, 41)
  })

  it('a backend that stops in order is no crash', async (t) => {
    const receiver = await startTestReceiver(t)
    const { backend } = await joinLeader(t, receiver, 'a', await deadUrl())
    const successor = await joinBackend(t, receiver, 'b')
    backend.say({ type: 'goodbye', reason: 'stopped' })
    await successor.hear('lead')
    assert.deepEqual(
      receiver.lines.filter(({ level }) => level >= 50),
      [],
    )
    assert.ok(new Peer(t, `${receiver.url}/decisions`))
  })
})
