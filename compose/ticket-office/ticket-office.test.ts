import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { createBackend } from '../../backend/index.ts'
import { createMemoryLog, memoryJournal } from '../../checkpoint/index.ts'
import { ticketOfficeOptions } from './config.ts'
import { ticketOffice } from './ticket-office.ts'

const log = pino({ level: 'silent' })

interface Answer {
  status: number
  type: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service answers
  body: any
}

type Ask = (method: string, path: string, body?: unknown) => Promise<Answer>

/** A ticket office that leads, on a journal in memory, without a receiver. Text bodies are sent as they are, as text/plain. */
async function openOffice(t: TestContext, upstream?: string): Promise<Ask> {
  const options = ticketOfficeOptions.parse({ name: 'office', port: 0 })
  const backend = createBackend({ ...options, log, journal: memoryJournal(createMemoryLog()) })
  // Never started, so there is nobody to hand over to: only its state is to be closed.
  t.after(() => backend.checkpoint.close())
  await backend.checkpoint.start()
  backend.checkpoint.lead(1)
  await backend.checkpoint.whenLeading(5_000)
  const url = await listen(t, ticketOffice(backend, { name: 'office', upstream, log }))
  return async (method, path, body) => {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const response = await fetch(`${url}${path}`, {
      method,
      headers: typeof body === 'object' ? { 'content-type': 'application/json' } : {},
      ...(text === undefined ? {} : { body: text }),
    })
    const answer = await response.text()
    const type = response.headers.get('content-type')?.split(';')[0] ?? ''
    return { status: response.status, type, body: type.endsWith('json') ? JSON.parse(answer) : answer }
  }
}

async function listen(t: TestContext, handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler as Parameters<typeof createServer>[0])
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return `http://127.0.0.1:${address.port}`
}

function assertProblem(answer: Answer, status: number): void {
  assert.equal(answer.status, status)
  assert.equal(answer.type, 'application/problem+json')
  assert.equal(answer.body.status, status)
  assert.equal(typeof answer.body.title, 'string')
}

test('a seat is booked once, shown with its holder, and free again after its cancel', async (t) => {
  const ask = await openOffice(t)
  const booked = await ask('POST', '/bookings', { seat: 'A1', user: 'ann' })
  assert.equal(booked.status, 201)
  assert.deepEqual(booked.body, { seat: 'A1', user: 'ann', id: booked.body.id })
  const taken = await ask('POST', '/bookings', { seat: 'A1', user: 'ben' })
  assertProblem(taken, 409)
  assert.deepEqual([taken.body.seat, taken.body.user], ['A1', 'ann'])
  assert.deepEqual((await ask('GET', '/bookings/A1')).body, booked.body)
  assert.equal((await ask('DELETE', '/bookings/A1')).status, 200)
  assertProblem(await ask('GET', '/bookings/A1'), 404)
  assertProblem(await ask('DELETE', '/bookings/A1'), 404)
})

test('bookings are listed by seat, page by page', async (t) => {
  const ask = await openOffice(t)
  for (const seat of ['C', 'A', 'D', 'B']) await ask('POST', '/bookings', { seat, user: 'ann' })
  const seats = async (query: string) => {
    const { body } = await ask('GET', `/bookings${query}`)
    assert.equal(body.count, 4)
    return body.bookings.map(({ seat }: { seat: string }) => seat).join('')
  }
  assert.equal(await seats(''), 'ABCD')
  assert.equal(await seats('?limit=2'), 'AB')
  assert.equal(await seats('?limit=2&after=B'), 'CD')
  assert.equal(await seats('?after=D'), '')
})

test('a counter counts, by one or by what is asked, and is 0 before', async (t) => {
  const ask = await openOffice(t)
  assert.deepEqual((await ask('GET', '/counters/x')).body, { name: 'x', value: 0 })
  assert.deepEqual((await ask('POST', '/counters/x/increments')).body, { name: 'x', value: 1 })
  assert.deepEqual((await ask('POST', '/counters/x/increments', { by: 4 })).body, { name: 'x', value: 5 })
  assert.deepEqual((await ask('GET', '/counters/x')).body, { name: 'x', value: 5 })
})

test('a register has a version that rises by one at each change', async (t) => {
  const ask = await openOffice(t)
  assertProblem(await ask('GET', '/registers/r'), 404)
  assert.deepEqual((await ask('PUT', '/registers/r', { value: { a: [1] } })).body, {
    key: 'r',
    value: { a: [1] },
    version: 1,
  })
  assert.equal((await ask('PUT', '/registers/r', { value: 'x' })).body.version, 2)
  assert.deepEqual((await ask('GET', '/registers/r')).body, { key: 'r', value: 'x', version: 2 })
})

test('a compare-and-set changes what it expects, and answers with what is there otherwise', async (t) => {
  const ask = await openOffice(t)
  const swap = (expect: unknown, value: unknown) => ask('POST', '/registers/r/compare-and-set', { expect, value })
  const early = await swap('x', 'y')
  assertProblem(early, 412)
  assert.deepEqual([early.body.key, early.body.value, early.body.version], ['r', null, 0])
  assert.deepEqual((await swap(null, { a: 1, b: 2 })).body, { key: 'r', value: { a: 1, b: 2 }, version: 1 })
  assert.equal((await swap({ b: 2, a: 1 }, 'y')).status, 200)
  assert.equal((await swap({ b: 2, a: 1 }, 'z')).status, 412)
})

const longName = 'x'.repeat(129)
const deep = `${'['.repeat(40)}${']'.repeat(40)}`
const badRequests: [title: string, method: string, path: string, body: unknown, status?: number][] = [
  ['a body that is not JSON', 'POST', '/bookings', '{"seat":'],
  ['a body that is not an object', 'POST', '/bookings', '"seat"'],
  ['no body', 'POST', '/bookings', undefined],
  ['a missing field', 'POST', '/bookings', { seat: 'A1' }],
  ['a wrong type', 'POST', '/bookings', { seat: 1, user: 'ann' }],
  ['an empty name', 'POST', '/bookings', { seat: '', user: 'ann' }],
  ['an unknown field', 'POST', '/bookings', { seat: 'A1', user: 'ann', price: 1 }],
  ['a name that is too long', 'POST', '/bookings', { seat: longName, user: 'ann' }],
  ['a name in the path that is too long', 'POST', `/counters/${longName}/increments`, {}],
  ['a path that cannot be decoded', 'GET', '/bookings/%E0%A4%A', undefined],
  ['an increment that is no whole number', 'POST', '/counters/x/increments', { by: 0.5 }],
  ['an increment of nothing', 'POST', '/counters/x/increments', { by: 0 }],
  ['an increment as text', 'POST', '/counters/x/increments', { by: '1' }],
  ['a put without a value', 'PUT', '/registers/r', {}],
  ['a put of a value that is nested too deep', 'PUT', '/registers/r', `{"value":${deep}}`],
  ['a compare-and-set without an expectation', 'POST', '/registers/r/compare-and-set', { value: 1 }],
  ['a limit of none', 'GET', '/bookings?limit=0', undefined],
  ['a limit beyond the bound', 'GET', '/bookings?limit=1001', undefined],
  ['a limit given twice', 'GET', '/bookings?limit=1&limit=2', undefined],
  ['a delay that is no number', 'GET', '/process?ms=soon', undefined],
  ['a delay without end', 'POST', '/process?ms=99999999', undefined],
  ['a body that is too large', 'PUT', '/registers/r', { value: 'x'.repeat(70_000) }, 413],
  ['a path that is none', 'GET', '/nothing', undefined, 404],
]

test('bad input is answered by a problem and changes nothing', async (t) => {
  const ask = await openOffice(t)
  for (const [title, method, path, body, status = 400] of badRequests)
    await t.test(title, async () => assertProblem(await ask(method, path, body), status))
  assert.equal((await ask('GET', '/bookings')).body.count, 0)
  assert.equal((await ask('GET', '/counters/x')).body.value, 0)
  assert.equal((await ask('GET', '/registers/r')).status, 404)
})

test('a body is read as JSON whatever its content type says', async (t) => {
  const ask = await openOffice(t)
  const text = JSON.stringify({ seat: 'A1', user: 'ann' })
  const answer = await ask('POST', '/bookings', text)
  assert.equal(answer.status, 201)
})

test('a server greets by its name and beats', async (t) => {
  const ask = await openOffice(t)
  assert.equal((await ask('GET', '/home')).body, 'Hello from office')
  assert.deepEqual(await ask('GET', '/heartbeat'), { status: 200, type: '', body: '' })
})

test('health can be switched off and on', async (t) => {
  const ask = await openOffice(t)
  assert.equal((await ask('GET', '/health')).status, 200)
  assert.equal((await ask('POST', '/toggle-health')).status, 200)
  assertProblem(await ask('GET', '/health'), 503)
  await ask('POST', '/toggle-health')
  assert.equal((await ask('GET', '/health')).status, 200)
})

test('a simulated delay is as long as asked', async (t) => {
  const ask = await openOffice(t)
  for (const method of ['GET', 'POST'])
    assert.deepEqual((await ask(method, '/process?ms=1')).body, { server: 'office', ms: 1 })
})

test('an upstream answers through the office, with its status', async (t) => {
  const upstream = await listen(t, (_request, response) => {
    response.writeHead(418, { 'content-type': 'application/json' }).end('{"tea":true}')
  })
  const ask = await openOffice(t, upstream)
  assert.deepEqual(await ask('GET', '/upstream'), { status: 418, type: 'application/json', body: { tea: true } })
})

test('an upstream that cannot be reached is a 502 that changed nothing', async (t) => {
  const ask = await openOffice(t, 'http://127.0.0.1:1/')
  const answer = await ask('GET', '/upstream')
  assertProblem(answer, 502)
  assert.equal(answer.body.outcome, 'not applied')
})

test('an upstream that nobody configured is not found', async (t) => {
  const ask = await openOffice(t)
  assertProblem(await ask('GET', '/upstream'), 404)
})
