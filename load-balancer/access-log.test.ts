import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { WebSocket, WebSocketServer } from 'ws'
import { AccessLog } from './access-log.ts'
import { hang, startCluster, until } from './test-cluster.ts'

const lines = (logs: Record<string, unknown>[]) => logs.filter(({ event }) => event === 'access')

describe('the access log', () => {
  it('has a line for each request: who answered, how long it took, how much was sent', async (t) => {
    const { logs, send } = await startCluster(t, { options: { accessLog: 1 } })
    const reply = await send({ path: '/seats/1?secret=x' })
    await until(() => lines(logs).length === 1, 'a line')
    const { method, path, status, backend, bytes, heldMs, replays, address, durationMs } = lines(logs)[0]!
    const line = { method, path, status, backend, bytes, heldMs, replays, address }
    assert.deepEqual(line, {
      ...{ method: 'GET', path: '/seats/1', status: 200, backend: 'a', bytes: reply.body.length },
      ...{ heldMs: 0, replays: 0, address: '127.0.0.1' },
    })
    assert.ok(Number(durationMs) > 0)
  })

  it('says how long a request was held, and how often it was sent again', async (t) => {
    const { a, b, follower, logs, send } = await startCluster(t, { options: { accessLog: 1 } })
    a.answer = hang
    const reply = send({ path: '/seats/1' })
    await until(() => a.requests.length === 1, 'the request at a')
    a.kill()
    await until(() => follower.reports.length > 0, 'a report')
    follower.decide(b.decision(2))
    await reply
    await until(() => lines(logs).length === 1, 'a line')
    const line = lines(logs)[0]!
    assert.equal(line.backend, 'b')
    assert.ok(Number(line.heldMs) > 0)
    assert.equal(line.replays, 1)
  })

  it('tells of what no backend answered, and how long it was held', async (t) => {
    const { logs, send } = await startCluster(t, {
      options: { accessLog: 1, holdTimeMs: '30ms' },
      decided: false,
    })
    await send({ path: '/none' })
    await until(() => lines(logs).length === 1, 'the refused')
    const { status, backend, heldMs } = lines(logs)[0]!
    assert.deepEqual([status, backend], [503, 'none'])
    assert.ok(Number(heldMs) >= 30, `held for ${heldMs} ms`)
  })

  it('tells of event streams when they end, with their backend', async (t) => {
    const { a, logs, send } = await startCluster(t, { options: { accessLog: 1 } })
    a.answer = (_arrival, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('data: x\n\n')
    }
    await send({ path: '/events', headers: { accept: 'text/event-stream' } })
    await until(() => lines(logs).length === 1, 'a line')
    assert.deepEqual([lines(logs)[0]!.status, lines(logs)[0]!.backend], [200, 'a'])
    assert.ok(Number(lines(logs)[0]!.bytes) > 9)
  })

  it('tells of WebSockets when they end', async (t) => {
    const { a, logs, balancer } = await startCluster(t, { options: { accessLog: 1 } })
    const echo = new WebSocketServer({ server: a.server })
    echo.on('connection', (socket) => socket.close())
    const client = new WebSocket(`${balancer.url.replace('http', 'ws')}/chat`)
    await new Promise((resolve) => client.on('close', resolve))
    await until(() => lines(logs).length === 1, 'a line')
    const { method, path, status, backend } = lines(logs)[0]!
    assert.deepEqual({ method, path, status, backend }, { method: 'GET', path: '/chat', status: 101, backend: 'a' })
  })

  it('is off unless asked for', async (t) => {
    const { logs, send } = await startCluster(t)
    await send({})
    await send({})
    assert.equal(lines(logs).length, 0)
  })

  it('takes the share that was asked for', () => {
    const draws = [0.05, 0.15, 0.099, 0.5]
    const log = new AccessLog(pino({ level: 'silent' }), 0.1, () => draws.shift()!)
    assert.deepEqual([log.takes(), log.takes(), log.takes(), log.takes()], [true, false, true, false])
  })
})
