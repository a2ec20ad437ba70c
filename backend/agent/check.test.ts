import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { deadUrl } from '../../heartbeat-receiver/test-receiver.ts'
import { check } from './check.ts'

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

describe('a check', () => {
  it('finds well who answers 200 to 399, and says what else was answered', async (t) => {
    const asked: (string | undefined)[] = []
    const url = await serve(t, ({ url: path, headers }, response) => {
      asked.push(headers.connection)
      response.writeHead(Number(path!.slice(1))).end()
    })
    const outcomes = []
    for (const status of [200, 204, 302, 404, 500, 503])
      outcomes.push(await check({ url, path: `/${status}`, timeoutMs: 2_000 }))
    assert.deepEqual(outcomes, [
      ...Array(3).fill({ ok: true }),
      ...[404, 500, 503].map((status) => ({ ok: false, refused: false, reason: `GET /${status} answered ${status}` })),
    ])
    assert.deepEqual(new Set(asked), new Set(['close']), 'each on a connection of its own')
  })

  it('knows a refused connection from any other failure', async (t) => {
    const nobody = await check({ url: await deadUrl(), path: '/health', timeoutMs: 2_000 })
    assert.deepEqual(nobody, { ok: false, refused: true, reason: 'GET /health: connection refused' })
    const rude = await serve(t, ({ socket }) => void socket.destroy())
    const failed = await check({ url: rude, path: '/health', timeoutMs: 2_000 })
    assert.ok(!failed.ok && !failed.refused)
    assert.match(failed.reason, /^GET \/health failed: ./)
  })

  it('does not wait for a server that hangs, nor for an answer without end', async (t) => {
    const hung = await serve(t, () => undefined)
    assert.deepEqual(await check({ url: hung, path: '/health', timeoutMs: 30 }), {
      ...{ ok: false, refused: false, reason: 'GET /health was not answered within 30 ms' },
    })
    const endless = await serve(t, (_request, response) => void response.writeHead(200).write('x'))
    assert.deepEqual(await check({ url: endless, path: '/health', timeoutMs: 2_000 }), { ok: true })
  })

  it('without a path takes a connection that is accepted', async (t) => {
    const url = await serve(t, () => undefined)
    assert.deepEqual(await check({ url, path: undefined, timeoutMs: 2_000 }), { ok: true })
    const dead = await deadUrl()
    const refused = await check({ url: dead, path: undefined, timeoutMs: 2_000 })
    assert.deepEqual(refused, { ok: false, refused: true, reason: `a connection to ${dead}: refused` })
  })
})
