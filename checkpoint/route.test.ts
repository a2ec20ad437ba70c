import assert from 'node:assert/strict'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import pino from 'pino'
import { Checkpoint } from './checkpoint.ts'
import type { Journal, JournalRecord, RecordListener, Tail } from './journal.ts'
import type { CheckpointLimits } from './limits.ts'
import { createMemoryLog, type MemoryLog, memoryJournal } from './memory-journal.ts'
import { formatReadsHeader, formatRequestHeader } from './request-headers.ts'
import { routes } from './route.ts'

const log = pino({ level: 'silent' })

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: unknown
}

/** A journal in memory that delivers only what a test lets through, one record at a time. */
class GatedJournal implements Journal {
  readonly #inner: Journal
  #let = 0
  #waiting: (() => void) | null = null
  /** True if it answers nobody where it ends. */
  cutOff = false

  constructor(shared: MemoryLog) {
    this.#inner = memoryJournal(shared)
  }

  let(records: number): void {
    this.#let += records
    this.#waiting?.()
  }

  async tail(from: number, onRecords: RecordListener): Promise<Tail> {
    let closed = false
    const tail = await this.#inner.tail(from, async (records: JournalRecord[]) => {
      for (const record of records) {
        while (this.#let === 0 && !closed) await new Promise<void>((resolve) => (this.#waiting = resolve))
        if (closed) return
        this.#let--
        await onRecords([record])
      }
    })
    const close = () => {
      closed = true
      this.#waiting?.()
      return tail.close()
    }
    return { seek: (offset) => tail.seek(offset), close }
  }

  open = () => this.#inner.open()
  append = (value: Uint8Array, deadlineMs: number) => this.#inner.append(value, deadlineMs)
  start = () => this.#inner.start()
  end = () => (this.cutOff ? Promise.reject(new Error('cut off')) : this.#inner.end())
  truncate = (before: number) => this.#inner.truncate(before)
  close = () => this.#inner.close()
}

/** A journal in memory whose appends can be made to wait. */
class StuckJournal implements Journal {
  readonly #inner: Journal
  #free: Promise<void> = Promise.resolve()

  constructor(shared: MemoryLog) {
    this.#inner = memoryJournal(shared)
  }

  /** Appends wait until what this returns is called. */
  stick(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#free = promise
    return resolve
  }

  append = async (value: Uint8Array, deadlineMs: number) => {
    await this.#free
    return this.#inner.append(value, deadlineMs)
  }

  open = () => this.#inner.open()
  tail = (from: number, onRecords: RecordListener) => this.#inner.tail(from, onRecords)
  start = () => this.#inner.start()
  end = () => this.#inner.end()
  truncate = (before: number) => this.#inner.truncate(before)
  close = () => this.#inner.close()
}

/** A node that counts, over a shared log. */
async function node(
  t: TestContext,
  shared: MemoryLog,
  name: string,
  token?: string,
  journal: Journal = memoryJournal(shared),
  limits: Partial<CheckpointLimits> = {},
) {
  const checkpoint = new Checkpoint({
    journal,
    incarnation: `${name}1`,
    node: name,
    url: () => `http://${name}`,
    log,
    limits,
  })
  const http = routes(checkpoint, { node: name, token, log, claimWaitMs: 5_000 })
  const counters = checkpoint.map<number>('counters')
  let runs = 0
  const increment = http.route((request) => {
    runs++
    if (request.url === '/wrong') counters.set('c', 99)
    if (request.method === 'GET') return { body: { value: counters.get('c') ?? 0 } }
    const value = (counters.get('c') ?? 0) + 1
    counters.set('c', value)
    if (request.url === '/throw') throw new Error('no')
    if (request.url === '/large') counters.set('c', 'x'.repeat(2_000_000) as unknown as number)
    if (request.url === '/empty') return { status: 204 }
    return { status: 201, headers: { 'x-made': 'here' }, body: { value } }
  })
  const server = createServer((request, response) =>
    request.url === '/sessions' ? http.openSession(request, response) : increment(request, response),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => checkpoint.close(0))
  const started = checkpoint.start()
  if (journal instanceof GatedJournal) started.catch(() => undefined)
  else await started
  const { port } = server.address() as AddressInfo
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    new Promise<Answer>((resolve, reject) => {
      const sent = httpRequest({ port, method, path, headers, agent: false }, (response) => {
        let text = ''
        response.on('data', (chunk) => (text += chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: text === '' ? null : JSON.parse(text),
          }),
        )
      })
      sent.on('error', reject)
      sent.end()
    })
  const lead = async (epoch: number) => {
    checkpoint.lead(epoch)
    assert.equal(await checkpoint.whenLeading(5_000), true)
  }
  return { checkpoint, ask, lead, runs: () => runs }
}

const note = (session: string | null, number: number, epoch = 1, replays = 0) => ({
  'x-heartline-request': formatRequestHeader({ session, number, lowestWaiting: 1, epoch, replays }),
})

test('the same number gets the recorded answer, headers and all, on this node and on its successor, and runs once', async (t) => {
  const shared = createMemoryLog()
  const [a, b] = [await node(t, shared, 'a'), await node(t, shared, 'b')]
  await a.lead(1)
  const { session } = (await a.ask('POST', '/sessions')).body as { session: string }
  const first = await a.ask('POST', '/count', note(session, 1))
  assert.deepEqual(
    [
      first.status,
      first.body,
      first.headers['x-made'],
      first.headers['x-heartline-backend'],
      first.headers['x-heartline-epoch'],
    ],
    [201, { value: 1 }, 'here', 'a', '1'],
  )
  const again = await a.ask('POST', '/count', note(session, 1, 1, 1))
  assert.deepEqual([again.status, again.body, again.headers['x-made']], [201, { value: 1 }, 'here'])
  await b.lead(2)
  const elsewhere = await b.ask('POST', '/count', note(session, 1, 2, 2))
  assert.deepEqual(
    [elsewhere.status, elsewhere.body, elsewhere.headers['x-heartline-backend']],
    [201, { value: 1 }, 'b'],
  )
  assert.deepEqual([a.runs(), b.runs()], [1, 0])
  assert.deepEqual((await b.ask('POST', '/empty', note(session, 2, 2))).status, 204)
  assert.deepEqual((await b.ask('POST', '/empty', note(session, 2, 2, 1))).status, 204)
})

test('who does not lead says so, and where the journal points', async (t) => {
  const shared = createMemoryLog()
  const [a, b] = [await node(t, shared, 'a'), await node(t, shared, 'b')]
  await a.lead(1)
  while (b.checkpoint.status().journalReign[0] < 1) await new Promise((resolve) => setImmediate(resolve))
  const refused = await b.ask('POST', '/count', note(null, 0, 1))
  assert.deepEqual(
    [refused.status, refused.headers['x-heartline-refused'], refused.headers['x-heartline-active']],
    [421, 'not-active', '1 http://a'],
  )
  assert.equal(b.runs(), 0)
})

test('a request that names a newer epoch is held until the claim is valid', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  const early = a.ask('POST', '/count', note(null, 0, 3))
  await a.lead(3)
  assert.deepEqual([(await early).status, (await early).headers['x-heartline-epoch']], [201, '3'])
})

test('a request of a session that is not open is refused and never run', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const refused = await a.ask('POST', '/count', note('77', 1))
  assert.deepEqual([refused.status, refused.headers['x-heartline-refused'], a.runs()], [410, 'session-ended', 0])
})

test('a replay that a full queue turns away is unknown, not void: its first sending may have been applied', async (t) => {
  const shared = createMemoryLog()
  const journal = new StuckJournal(shared)
  const a = await node(t, shared, 'a', undefined, journal, { queueMax: 2 })
  await a.lead(1)
  const { session } = (await a.ask('POST', '/sessions')).body as { session: string }
  assert.equal((await a.ask('POST', '/count', note(session, 1))).status, 201)
  assert.equal((await a.ask('POST', '/count', { 'idempotency-key': 'k' })).status, 201)
  const go = journal.stick()
  const waiting = [2, 3].map((number) => a.ask('POST', '/count', note(session, number)))
  while (a.runs() < 4) await new Promise((resolve) => setImmediate(resolve))
  const said = async (headers: Record<string, string>) => {
    const { status, body } = await a.ask('POST', '/count', headers)
    const { code, outcome, key } = body as { code: string; outcome: string; key?: string | null }
    return [status, code, outcome, key]
  }
  assert.deepEqual(await said(note(session, 4)), [503, 'QUEUE_FULL', 'not applied', undefined])
  assert.deepEqual(await said(note(session, 1, 1, 1)), [503, 'QUEUE_FULL', 'unknown', null])
  assert.deepEqual(await said({ 'idempotency-key': 'k' }), [503, 'QUEUE_FULL', 'unknown', 'k'])
  go()
  for (const answer of waiting) assert.equal((await answer).status, 201)
  const again = await a.ask('POST', '/count', note(session, 1, 1, 2))
  assert.deepEqual([again.status, again.body], [201, { value: 1 }])
})

test('a key that is known is answered in a session that is full', async (t) => {
  const a = await node(t, createMemoryLog(), 'a', undefined, undefined, {
    responseBytesMax: 1_000,
    sessionBytesMax: 1_000,
  })
  await a.lead(1)
  const { session } = (await a.ask('POST', '/sessions')).body as { session: string }
  const keyed = (number: number, key: string) =>
    a.ask('POST', '/count', { ...note(session, number), 'idempotency-key': key })
  const first = await keyed(1, 'k')
  let number = 2
  while ((await a.ask('POST', '/count', note(session, number))).status === 201) number++
  const again = await keyed(number, 'k')
  assert.deepEqual([again.status, again.body, again.headers['idempotency-replayed']], [201, first.body, 'true'])
  const other = (await keyed(number, 'other')).body as { code: string; outcome: string }
  assert.deepEqual([other.code, other.outcome], ['SESSION_FULL', 'not applied'])
})

test('who does not lead cannot say that what was sent before was not applied', async (t) => {
  const b = await node(t, createMemoryLog(), 'b')
  const outcome = async (headers: Record<string, string>) =>
    ((await b.ask('POST', '/count', headers)).body as { outcome: string }).outcome
  assert.deepEqual(
    [await outcome({}), await outcome({ 'idempotency-key': 'k' }), await outcome(note('1', 1, 0, 1))],
    ['not applied', 'unknown', 'unknown'],
  )
  assert.equal(
    ((await b.ask('GET', '/count', { 'idempotency-key': 'k' })).body as { outcome: string }).outcome,
    'not applied',
  )
})

test('an Idempotency-Key is honoured per caller, and refused for another request', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const key = { 'idempotency-key': 'k1' }
  const first = await a.ask('POST', '/count', key)
  const again = await a.ask('POST', '/count', key)
  assert.deepEqual([first.body, first.headers['idempotency-replayed']], [{ value: 1 }, undefined])
  assert.deepEqual([again.body, again.headers['idempotency-replayed']], [{ value: 1 }, 'true'])
  assert.equal((await a.ask('POST', '/other', key)).status, 422)
  const other = await a.ask('POST', '/count', { ...key, authorization: 'Bearer somebody' })
  assert.deepEqual(other.body, { value: 2 })
  assert.equal((await a.ask('POST', '/count', { 'idempotency-key': 'k'.repeat(300) })).status, 400)
})

test('keys that come at once are answered as one', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => a.ask('POST', '/count', { 'idempotency-key': 'k' })),
  )
  assert.deepEqual(new Set(answers.map(({ body }) => JSON.stringify(body))), new Set(['{"value":1}']))
  assert.equal(a.runs(), 1)
})

test('a handler that throws, or a transaction too large, changes nothing and says so', async (t) => {
  const a = await node(t, createMemoryLog(), 'a')
  await a.lead(1)
  const thrown = await a.ask('POST', '/throw')
  assert.deepEqual(
    [thrown.status, thrown.headers['content-type'], (thrown.body as { outcome: string }).outcome],
    [500, 'application/problem+json', 'not applied'],
  )
  const large = await a.ask('POST', '/large')
  assert.deepEqual([large.status, (large.body as { outcome: string }).outcome], [413, 'not applied'])
  assert.deepEqual((await a.ask('GET', '/count')).body, { value: 0 })
})

test('with a token, what a stranger says of sessions and epochs does not count', async (t) => {
  const a = await node(t, createMemoryLog(), 'a', 'a-long-secret')
  await a.lead(1)
  assert.equal((await a.ask('POST', '/count', note('77', 1))).status, 201, 'a request like any other')
  assert.equal((await a.ask('POST', '/count', { ...note('77', 1), 'x-heartline-token': 'a-long-secreT' })).status, 201)
  assert.equal((await a.ask('POST', '/count', { ...note('77', 1), 'x-heartline-token': 'a-long-secret' })).status, 410)
  assert.equal((await a.ask('POST', '/sessions')).status, 403)
  assert.equal((await a.ask('POST', '/sessions', { 'x-heartline-token': 'a-long-secret' })).status, 201)
})

const reads = (limitMs = 10_000) => ({ 'x-heartline-reads': formatReadsHeader(limitMs) })
const told = ({ status, body, headers }: Answer) => [
  status,
  body,
  headers['x-heartline-backend'],
  headers['x-heartline-epoch'],
  headers['x-heartline-offset'],
]

/** An active that counted to `value`, and a standby that has read all of it. */
async function pair(t: TestContext, value: number, token?: string) {
  const shared = createMemoryLog()
  const [a, b] = [await node(t, shared, 'a', token), await node(t, shared, 'b', token)]
  await a.lead(3)
  for (let turn = 0; turn < value; turn++) await a.ask('POST', '/count')
  while (b.checkpoint.status().offset < shared.records.length) await new Promise((resolve) => setImmediate(resolve))
  return { shared, a, b }
}

test('a standby answers a read that may be old from its own state, and says how old, at which record and in which epoch', async (t) => {
  const { shared, b } = await pair(t, 2)
  const answer = await b.ask('GET', '/count', { ...reads(), ...note(null, 0, 9) })
  assert.deepEqual(told(answer), [200, { value: 2 }, 'b', '3', String(shared.records.length)])
  assert.match(String(answer.headers['x-heartline-staleness']), /^\d+$/)
  assert.ok(Number(answer.headers['x-heartline-staleness']) > 0, 'never none')
})

test('an active answers such a read as any other, and as not old at all', async (t) => {
  const { a } = await pair(t, 2)
  const answer = await a.ask('GET', '/count', reads())
  assert.deepEqual(told(answer), [200, { value: 2 }, 'a', '3', undefined])
  assert.equal(answer.headers['x-heartline-staleness'], '0')
  assert.equal((await a.ask('GET', '/count')).headers['x-heartline-staleness'], undefined)
})

test('a standby refuses what may not be old, or less old than it may be, and what is no read', async (t) => {
  const { b } = await pair(t, 2)
  const refused = [
    await b.ask('GET', '/count'),
    await b.ask('GET', '/count', reads(0)),
    await b.ask('GET', '/count', { 'x-heartline-reads': 'standby' }),
    await b.ask('POST', '/count', reads()),
  ]
  for (const { status, headers } of refused)
    assert.deepEqual(
      [status, headers['x-heartline-refused'], headers['x-heartline-staleness']],
      [421, 'not-active', undefined],
    )
  assert.equal(b.runs(), 0)
})

test('who has not read the journal yet refuses a read that may be old, at once, whatever epoch it names', async (t) => {
  const { shared } = await pair(t, 2)
  const c = await node(t, shared, 'c', undefined, new GatedJournal(shared))
  const { status, headers } = await c.ask('GET', '/count', { ...reads(), ...note(null, 0, 9) })
  assert.deepEqual([c.checkpoint.phase, status, headers['x-heartline-refused']], ['starting', 421, 'not-active'])
})

test('what a standby answers is a state that was: that of the journal up to the record it names', async (t) => {
  const { shared, a } = await pair(t, 1)
  const journal = new GatedJournal(shared)
  const c = await node(t, shared, 'c', undefined, journal)
  const seen: [value: number, offset: number][] = []
  journal.let(shared.records.length)
  while (c.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  for (let turn = 0; turn < 30; turn++) {
    await a.ask('POST', '/count')
    if (turn % 3 === 2) journal.let(3)
    await new Promise((resolve) => setImmediate(resolve))
    const { body, headers } = await c.ask('GET', '/count', reads())
    seen.push([(body as { value: number }).value, Number(headers['x-heartline-offset'])])
  }
  assert.ok(seen.at(-1)![1] < shared.records.length, 'it was behind')
  assert.ok(new Set(seen.map(([value]) => value)).size > 2, 'and went on')
  for (const [value, offset] of seen) {
    const prefix = createMemoryLog()
    for (const record of shared.records.slice(0, offset)) prefix.append(record)
    const { checkpoint } = await node(t, prefix, 'reader')
    assert.equal(checkpoint.stale(() => checkpoint.map('counters').get('c')) ?? 0, value)
  }
})

test('a read that changes a map is refused by a standby as by the active, and changes nothing', async (t) => {
  const { a, b } = await pair(t, 2)
  for (const { ask } of [a, b]) assert.equal((await ask('GET', '/wrong', reads())).status, 500)
  assert.deepEqual((await b.ask('GET', '/count', reads())).body, { value: 2 })
  assert.deepEqual(b.checkpoint.snapshot(), a.checkpoint.snapshot())
})

test('with a token, only who knows it may ask a standby', async (t) => {
  const { b } = await pair(t, 1, 'a-long-secret')
  assert.equal((await b.ask('GET', '/count', reads())).status, 421)
  assert.equal((await b.ask('GET', '/count', { ...reads(), 'x-heartline-token': 'a-long-secret' })).status, 200)
})

test('a standby that is cut off from its journal answers until the limit, and then no more', async (t) => {
  const { shared } = await pair(t, 1)
  const journal = new GatedJournal(shared)
  const c = await node(t, shared, 'c', undefined, journal)
  journal.let(shared.records.length)
  while (c.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  journal.cutOff = true
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 59_000 })
  const answer = await c.ask('GET', '/count', reads(120_000))
  assert.equal(answer.status, 200)
  assert.ok(Number(answer.headers['x-heartline-staleness']) >= 59_000)
  t.mock.timers.tick(61_001)
  assert.equal((await c.ask('GET', '/count', reads(120_000))).status, 421)
})
