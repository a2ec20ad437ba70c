import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import type { ReceiverEvent } from '../heartbeat-receiver/protocol.ts'
import { followEvents, until } from './demo-watch.ts'

const never = new AbortController().signal

test('a wait ends with the first value', async () => {
  let asked = 0
  const value = await until(() => (++asked === 3 ? 'there' : undefined), {
    what: 'it',
    timeoutMs: 5_000,
    signal: never,
  })
  assert.deepEqual([value, asked], ['there', 3])
})

test('a wait has a bound, and says what it waited for', async () => {
  const waited = until(() => false, { what: 'the moon', timeoutMs: 1, signal: never })
  await assert.rejects(waited, { code: 'NOT_IN_TIME', message: /the moon/ })
})

test('a wait ends with the reason of an abort', async () => {
  const stop = new AbortController()
  const waited = until(() => false, { what: 'it', timeoutMs: 60_000, signal: stop.signal })
  stop.abort(new Error('enough'))
  await assert.rejects(waited, /enough/)
})

test('events of a receiver are followed', async (t) => {
  const event: ReceiverEvent = { type: 'ready', atMs: 1.5, name: 'b', incarnation: 'i', epoch: 2 }
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`event: ready\ndata: ${JSON.stringify(event)}\n\n`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as { port: number }
  const heard = await new Promise<ReceiverEvent>((resolve) => {
    t.after(followEvents(`http://127.0.0.1:${port}`, resolve))
  })
  assert.deepEqual(heard, event)
})
