import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import pino from 'pino'
import { createMemoryLog, memoryJournal } from '../checkpoint/index.ts'
import { requestHeader } from '../checkpoint/request-headers.ts'
import type { CheckpointPhase } from '../checkpoint/status.ts'
import { createBackend } from './backend.ts'
import { healthzPath, readyzPath, serveHealth } from './health-checks.ts'

/** Status and body of an answer. */
async function ask(url: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(url, { headers })
  return `${response.status} ${await response.text()}`
}

test('a backend lives at once, and is ready as active or standby: neither before it has read its journal nor from the first word of its stop', async (t) => {
  let phase: CheckpointPhase = 'starting'
  const server = createServer((request, response) => {
    if (!serveHealth({ phase: () => phase }, request, response)) response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const said: string[] = []
  for (phase of ['starting', 'standby', 'claiming', 'active', 'settling', 'stopping'] as const) {
    assert.equal(await ask(`${url}${healthzPath}`), '200 {"status":"ok"}')
    said.push(await ask(`${url}${readyzPath}`))
  }
  assert.deepEqual(said, [
    '503 {"status":"starting"}',
    '200 {"status":"standby"}',
    '200 {"status":"claiming"}',
    '200 {"status":"active"}',
    '200 {"status":"settling"}',
    '503 {"status":"stopping"}',
  ])
})

test('a backend answers its own health checks before its application, but not to clients of a balancer', async (t) => {
  const backend = createBackend({
    ...{ port: 0, name: 'n', receivers: 'ws://127.0.0.1:1', log: pino({ level: 'silent' }) },
    journal: memoryJournal(createMemoryLog()),
  })
  t.after(() => backend.close())
  const { url } = await backend.start((_request, response) => void response.writeHead(404).end('the application'))
  while (backend.checkpoint.phase === 'starting') await new Promise((resolve) => setImmediate(resolve))
  assert.equal(await ask(`${url}${readyzPath}`), '200 {"status":"standby"}')
  assert.equal(await ask(`${url}${healthzPath}`), '200 {"status":"ok"}')
  for (const header of [requestHeader, 'via'])
    assert.equal(await ask(`${url}${readyzPath}`, { [header]: '1.1 b' }), '404 the application')
})
