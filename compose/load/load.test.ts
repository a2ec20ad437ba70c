import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { createBackend } from '../../backend/index.ts'
import { createMemoryLog, memoryJournal } from '../../checkpoint/index.ts'
import { ticketOfficeOptions } from '../ticket-office/config.ts'
import { ticketOffice } from '../ticket-office/ticket-office.ts'
import { createLoad, type GoodAnswer, type LoadSettings } from './load.ts'
import { isClean } from './report.ts'

const settings: Omit<LoadSettings, 'target'> = {
  rate: 1_000,
  clients: 8,
  durationMs: 300,
  writeRatio: 0.7,
  seed: 7,
  keys: false,
  timeoutMs: 2_000,
}
const never = new AbortController().signal

async function listen(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return `http://127.0.0.1:${address.port}`
}

async function openOffice(t: TestContext): Promise<RequestListener> {
  const log = pino({ level: 'silent' })
  const options = ticketOfficeOptions.parse({ name: 'office', port: 0 })
  const backend = createBackend({ ...options, log, journal: memoryJournal(createMemoryLog()) })
  // Never started, so there is nobody to hand over to: only its state is to be closed.
  t.after(() => backend.checkpoint.close())
  await backend.checkpoint.start()
  backend.checkpoint.lead(3)
  await backend.checkpoint.whenLeading(5_000)
  return ticketOffice(backend, { name: 'office', log })
}

test('a sound service gives a clean report, and every answer is told', async (t) => {
  const target = await listen(t, await openOffice(t))
  const load = createLoad({ ...settings, target })
  const answers: GoodAnswer[] = []
  load.onAnswer((answer) => answers.push(answer))
  const { report, findings } = await load.run(never)
  assert.deepEqual(findings, [])
  assert.equal(isClean(report), true, JSON.stringify(report))
  assert.equal(report.requests, 300)
  assert.equal(answers.length, 300)
  assert.deepEqual([answers[0]?.backend, answers[0]?.epoch], ['office', 3])
  assert.deepEqual(report.backends, { office: 300 })
})

test('a second run on the same state is clean too', async (t) => {
  const target = await listen(t, await openOffice(t))
  for (const keys of [false, true]) {
    const { report } = await createLoad({ ...settings, durationMs: 100, keys, target }).run(never)
    assert.equal(isClean(report), true, JSON.stringify(report))
  }
})

test('a service that forgets what it acknowledged is found out', async (t) => {
  const office = await openOffice(t)
  let counted = 0
  const target = await listen(t, (request, response) => {
    const forgets = request.url?.endsWith('/increments') === true && ++counted % 10 === 0
    if (!forgets) return office(request, response)
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"name":"x","value":1000000}')
  })
  const { report } = await createLoad({ ...settings, target }).run(never)
  assert.ok(report.lost > 0)
  assert.equal(isClean(report), false)
})

test('a long run is verified chapter by chapter, and at the end once more', async (t) => {
  const office = await openOffice(t)
  const target = await listen(t, office)
  const { report, findings } = await createLoad({ ...settings, target, chapterOperations: 40 }).run(never)
  assert.deepEqual(findings, [])
  assert.equal(isClean(report), true, JSON.stringify(report))
})

test('what is lost after its chapter was verified is found at the end', async (t) => {
  const office = await openOffice(t)
  let pages = 0
  const target = await listen(t, (request, response) => {
    // The first page at the end is that of the last chapter; the chapters before have gone with all they held.
    const isPage = request.url?.startsWith('/bookings?') === true
    if (!isPage || ++pages === 1) return office(request, response)
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"count":0,"bookings":[]}')
  })
  const { report, findings } = await createLoad({ ...settings, target, chapterOperations: 100 }).run(never)
  assert.ok(report.lost > 0)
  assert.match(findings[0]!.detail, /^bookings came to \d+ when last used, and to 0 at the end$/)
})

test('any server can be loaded: its answers are counted by the backend that gave them', async (t) => {
  const seen = new Set<string>()
  let count = 0
  const target = await listen(t, (request, response) => {
    seen.add(`${request.method} ${request.url} ${request.headers['content-type']} ${request.headers['x-user']}`)
    request.resume()
    response.writeHead(++count % 10 === 0 ? 500 : 204, { 'x-heartline-backend': `b${count % 2}` }).end()
  })
  const request = {
    method: 'PUT',
    path: '/home?a=1',
    body: 'hello',
    keyHeader: 'x-user',
    keyCount: 3,
    keySkew: 0,
  } as const
  const { report } = await createLoad({ ...settings, target, request }).run(never)
  assert.deepEqual(report.errors, { 500: 30 })
  assert.deepEqual(report.backends, { b1: 150, b0: 120 })
  assert.deepEqual(
    [...seen].sort(),
    [0, 1, 2].map((key) => `PUT /home?a=1 text/plain; charset=utf-8 key-${key}`),
  )
})

test('connection errors and error statuses are counted by code', async (t) => {
  const office = await openOffice(t)
  const target = await listen(t, (request, response) => {
    if (request.method === 'PUT') return void request.socket.destroy()
    if (request.method === 'DELETE') return void response.writeHead(503).end()
    office(request, response)
  })
  const { report } = await createLoad({ ...settings, writeRatio: 1, target }).run(never)
  assert.deepEqual(Object.keys(report.errors).sort(), ['503', 'UND_ERR_SOCKET'])
  assert.equal(report.lost + report.doubled, 0)
  assert.equal(report.requests, report.ok + report.errors['503']! + report.errors.UND_ERR_SOCKET!)
})

test('an abort ends the sending, and what was sent is verified', async (t) => {
  const target = await listen(t, await openOffice(t))
  const stop = new AbortController()
  const load = createLoad({ ...settings, durationMs: Number.POSITIVE_INFINITY, target })
  load.onAnswer(() => {
    if (load.progress().ok === 50) stop.abort()
  })
  const { report } = await load.run(stop.signal)
  assert.equal(isClean(report), true)
  assert.ok(report.requests >= 50 && report.requests < 300, `${report.requests}`)
})

test('of several targets, one that refuses connections is left for the next, and nobody notices', async (t) => {
  const office = await openOffice(t)
  let answered = 0
  let elsewhere = 0
  const first = createServer((request, response) => {
    response.shouldKeepAlive = ++answered < 20
    if (answered === 20) first.close()
    office(request, response)
  })
  await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve))
  const { port } = first.address() as { port: number }
  const second = await listen(t, (request, response) => {
    elsewhere++
    office(request, response)
  })
  const target = [`http://127.0.0.1:${port}`, second]
  const { report } = await createLoad({ ...settings, clients: 1, target }).run(never)
  assert.deepEqual([report.errors, report.ok === report.requests], [{}, true])
  assert.ok(answered === 20 && elsewhere > 100, `${answered}, ${elsewhere}`)
})
