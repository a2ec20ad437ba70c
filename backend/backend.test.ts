import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import pino from 'pino'
import { createMemoryLog, memoryJournal } from '../checkpoint/index.ts'
import { formatRequestHeader, requestHeader, sessionsPath } from '../checkpoint/request-headers.ts'
import { createBackend } from './backend.ts'
import { backendOptions } from './config.ts'

const log = pino({ level: 'silent' })

/** A backend on a free port and a journal in memory, with no receiver to hear it. */
function backendWith(options: Record<string, unknown> = {}) {
  const parsed = backendOptions.parse({ port: 0, name: 'n', receivers: 'ws://127.0.0.1:1', ...options })
  return createBackend({ ...parsed, log, journal: memoryJournal(createMemoryLog()) })
}

test('a service answers through its checkpoint once it is named, and its plain routes at once', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  const seats = backend.checkpoint.map<string>('seats')
  const app = express()
  app.get('/plain', (_request, response) => void response.send('here'))
  app.post(
    '/seats/:id',
    backend.checkpoint.route(({ params }) => {
      seats.set(params.id, 'taken')
      return { status: 201, body: { seat: params.id } }
    }),
  )
  const { url } = await backend.start(app)
  assert.equal(await (await fetch(`${url}/plain`)).text(), 'here')
  assert.equal((await fetch(`${url}/seats/1`, { method: 'POST' })).status, 421)
  while (backend.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  backend.checkpoint.lead(1)
  await backend.checkpoint.whenLeading(5_000)
  const answer = await fetch(`${url}/seats/1`, { method: 'POST' })
  assert.deepEqual([answer.status, await answer.json()], [201, { seat: '1' }])
  assert.deepEqual(
    [
      (await fetch(`${url}${sessionsPath}`, { method: 'POST' })).status,
      (await fetch(`${url}${sessionsPath}`, { method: 'HEAD' })).status,
    ],
    [201, 204],
  )
})

test('a route that is not exactly once is refused a replay of a POST, and not of a PUT', async (t) => {
  const backend = backendWith()
  t.after(() => backend.close())
  let runs = 0
  const app = express()
  app.all('/mail', (_request, response) => {
    runs++
    response.end()
  })
  const { url } = await backend.start(app)
  const replay = {
    [requestHeader]: formatRequestHeader({ session: null, number: 0, lowestWaiting: 0, epoch: 1, replays: 1 }),
  }
  const refused = await fetch(`${url}/mail`, { method: 'POST', headers: replay })
  assert.deepEqual([refused.status, ((await refused.json()) as { outcome: string }).outcome, runs], [502, 'unknown', 0])
  assert.deepEqual([(await fetch(`${url}/mail`, { method: 'PUT', headers: replay })).status, runs], [200, 1])
})

test('a port in use, and an address beyond loopback without a token, are one clear error each', async (t) => {
  const first = backendWith()
  t.after(() => first.close())
  const { port } = await first.start(() => undefined)
  const second = backendWith({ port })
  t.after(() => second.close())
  await assert.rejects(
    second.start(() => undefined),
    { code: 'PORT_IN_USE', message: `port ${port} on 127.0.0.1 is in use; choose another with --port` },
  )
  for (const host of ['0.0.0.0', '::', '127.example.org']) {
    const open = backendWith({ host })
    t.after(() => open.close())
    const refused = open.start(() => undefined)
    await assert.rejects(refused, { code: 'TOKEN_NEEDED' }, host)
  }
})
