import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from './connection.ts'
import type { OperationRequest } from './http-operations.ts'
import { MemoryOffice } from './memory-office.ts'
import { TicketOfficeTraffic } from './ticket-office-traffic.ts'

const times = { intendedMs: 0, startMs: 0, endMs: 1 }
const failure: Reply = { type: 'failure', code: 'ECONNREFUSED', message: '' }
const json = (status: number, body: unknown): Reply => {
  return { type: 'response', status, text: JSON.stringify(body), backend: 'a', epoch: 1, replays: 0 }
}

/** As if nothing that was sent ever arrived: nothing is there. */
function empty({ path }: OperationRequest): Reply {
  if (path.startsWith('/bookings?')) return json(200, { count: 0, bookings: [] })
  return path.startsWith('/counters/') ? json(200, { name: '', value: 0 }) : json(404, {})
}

const office = (answer: (request: OperationRequest) => Promise<Reply>) => ({ send: answer, close: async () => {} })
const options = { run: 'run', seed: 1, writeRatio: 0.5, keys: true, chapterOperations: 10 }

test('each chapter has keys of its own, and each write an Idempotency-Key of its own', () => {
  const traffic = new TicketOfficeTraffic({ ...options, reader: office(async (request) => empty(request)) })
  const chapters = new Set<string>()
  const keys: string[] = []
  for (let turn = 0; turn < 30; turn++) {
    const { request, headers, settle } = traffic.next()
    chapters.add(/run-\d+-/.exec(`${request.path} ${request.body}`)![0])
    if (headers.length > 0) keys.push(headers[1]!)
    assert.equal(headers.length > 0, request.method !== 'GET')
    settle(failure, times)
  }
  assert.deepEqual([...chapters], ['run-1-', 'run-2-', 'run-3-'])
  assert.equal(new Set(keys).size, keys.length)
})

test('a chapter waits for its last answer before it is read back', async () => {
  const asked: string[] = []
  const reader = office(async (request) => {
    asked.push(request.path)
    return empty(request)
  })
  const traffic = new TicketOfficeTraffic({ ...options, reader })
  const [first, second] = [traffic.next(), traffic.next()]
  for (let turn = 0; turn < 10; turn++) traffic.next().settle(failure, times)
  first.settle(failure, times)
  await new Promise(setImmediate)
  assert.equal(asked.length, 0)
  second.settle(failure, times)
  await new Promise(setImmediate)
  assert.ok(asked.length > 0 && asked.every((path) => path.includes('run-1-')), `${asked}`)
})

test('what comes faster than it can be verified is given up, and told', async () => {
  const open = Promise.withResolvers<void>()
  const asked: string[] = []
  const reader = office(async (request) => {
    asked.push(request.path)
    await open.promise
    return empty(request)
  })
  const traffic = new TicketOfficeTraffic({ ...options, waitingOperationsMax: 20, reader })
  for (let turn = 0; turn < 51; turn++) traffic.next().settle(failure, times)
  open.resolve()
  const { findings, readBackFailures, readBackError } = await traffic.verify(reader)
  // Five chapters were closed; two may wait, and are looked at once more at the end.
  assert.deepEqual([findings, readBackFailures], [[], 3])
  assert.match(readBackError!.message, /faster than they could be verified/)
  const pages = asked.filter((path) => path.startsWith('/bookings?')).map((path) => /run-\d+/.exec(path)![0])
  assert.deepEqual(pages, ['run-6', 'run-1', 'run-2'])
})

/** A run of `operations` against `reader`, each answered before the next; then what was found. */
async function run(reader: MemoryOffice, more: { tidy: boolean; operations: number; meanwhile?: () => void }) {
  const { tidy, operations, meanwhile } = more
  const traffic = new TicketOfficeTraffic({ ...options, writeRatio: 1, chapterOperations: 200, reader, tidy })
  for (let turn = 0; turn < operations; turn++) {
    const { request, settle } = traffic.next()
    settle(await reader.send(request), times)
  }
  for (let turn = 0; turn < 1_000; turn++) await new Promise(setImmediate)
  meanwhile?.()
  return traffic.verify(reader)
}

test('a tidy run leaves the seats of its last chapter and no others, and nothing is found wrong', async () => {
  for (const tidy of [false, true]) {
    const reader = new MemoryOffice()
    assert.deepEqual(await run(reader, { tidy, operations: 1_000 }), { findings: [], readBackFailures: 0 })
    const chapters = new Set([...reader.bookings.keys()].map((seat) => /run-\d+/.exec(seat)![0]))
    assert.deepEqual([...chapters], tidy ? ['run-5'] : ['run-1', 'run-2', 'run-3', 'run-4', 'run-5'])
  }
})

test('a seat that is booked again after it was given back is found', async () => {
  const reader = new MemoryOffice()
  const meanwhile = () => void reader.bookings.set('run-2-seat-1', { user: 'run-2-1', id: 'again' })
  const { findings } = await run(reader, { tidy: true, operations: 1_000, meanwhile })
  assert.deepEqual(new Set(findings.map(({ kind, key }) => `${kind} ${key}`)), new Set(['wrong run-2']))
})

test('a seat that is gone before it is given back is no silence', async (t) => {
  const reader = new MemoryOffice()
  const { send } = reader
  const lying = Object.assign(new MemoryOffice(), {
    send: async (request: OperationRequest) =>
      request.method === 'DELETE' && request.path.includes('run-1-contended') ? json(404, {}) : send(request),
  })
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const running = run(lying, { tidy: true, operations: 250 })
  const ticking = setInterval(() => t.mock.timers.tick(1_000), 1)
  const { readBackError } = await running
  clearInterval(ticking)
  assert.match(readBackError!.message, /^DELETE \/bookings\/run-1-contended-\d+: 404$/)
})
