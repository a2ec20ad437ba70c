import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { sessionsPath } from '../checkpoint/request-headers.ts'
import { connectionsMax } from './forward.ts'
import { type Answer, FakeBackend, hang, refuse, send, startCluster, until } from './test-cluster.ts'

describe('a request whose active dies', () => {
  it('is sent to the next active under the same session and number, and applied once', async (t) => {
    const { a, b, journal, follower, send } = await startCluster(t)
    a.answer = (arrival) => {
      a.record(arrival)
      a.kill()
    }
    const reply = send({ method: 'POST', path: '/seats/1', body: 'me' })
    await until(() => follower.reports.length > 0, 'a report')
    follower.decide(b.decision(2))
    const { status, text, headers } = await reply
    assert.deepEqual([status, text], [200, 'POST /seats/1 2'])
    assert.deepEqual(journal.applied, ['POST /seats/1 me'])
    const [first, second] = [a.requests[0]!.note!, b.requests[0]!.note!]
    assert.deepEqual([second.session, second.number], [first.session, first.number])
    assert.deepEqual([first.replays, second.replays], [0, 1])
    assert.equal(second.epoch, 2)
    assert.equal(headers['x-heartline-backend'], 'b')
    assert.equal(headers['x-heartline-epoch'], '2')
    assert.equal(headers['x-heartline-replays'], '1')
    assert.deepEqual(follower.reports[0], { incarnation: 'a-1', epoch: 1, kind: 'refused' })
  })

  it('is held together with all others, and none gets an error', async (t) => {
    const { a, b, journal, follower, send } = await startCluster(t)
    await send({ method: 'POST', path: '/warm' })
    a.answer = hang
    const replies = Array.from({ length: 60 }, (_, index) =>
      send(index % 2 ? { method: 'POST', path: `/seats/${index}` } : { path: `/seats/${index}` }),
    )
    await until(() => a.requests.length === 61, 'all at the active')
    a.kill()
    await until(() => follower.reports.length > 0, 'a report')
    const late = send({ method: 'POST', path: '/late' })
    follower.decide(b.decision(2))
    for (const { status } of await Promise.all([...replies, late])) assert.equal(status, 200)
    assert.equal(journal.applied.length, 32)
    assert.equal(new Set(journal.applied).size, 32)
  })

  it('is sent again when the backend dies within a small answer', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = (_arrival, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => a.kill())
    }
    const reply = send({ path: '/seats' })
    await until(() => follower.reports.length > 0, 'a report')
    follower.decide(b.decision(2))
    assert.equal((await reply).text, 'GET /seats 0')
  })

  it('is sent again to the same backend when that comes back', async (t) => {
    const { a, send, follower } = await startCluster(t)
    const port = a.port
    a.answer = () => a.kill()
    const reply = send({ path: '/seats' })
    await until(() => follower.reports.length > 1, 'reports')
    const again = new FakeBackend('a', a.journal)
    t.after(() => again.kill())
    await again.listen(port)
    assert.equal((await reply).status, 200)
  })
})

describe('a request whose active hangs', () => {
  it('waits for a decision, and goes to the new active at once', async (t) => {
    const { a, b, journal, follower, send } = await startCluster(t)
    await send({ method: 'POST', path: '/warm' })
    a.answer = hang
    const replies = Array.from({ length: 20 }, (_, index) => send({ method: 'POST', path: `/seats/${index}` }))
    await until(() => a.requests.length === 21, 'all at the active')
    assert.equal(follower.reports.length, 0)
    follower.decide(b.decision(2))
    for (const { status, headers } of await Promise.all(replies)) {
      assert.equal(status, 200)
      assert.equal(headers['x-heartline-replays'], '1')
    }
    assert.equal(journal.applied.length, 21)
    await until(() => a.sockets.size === 0, 'the connections to the deposed are closed')
  })

  it('is given up after the hold time if nothing gives a sign of life, with the outcome unknown and the key', async (t) => {
    const { a, send } = await startCluster(t, { options: { holdTimeMs: 150 } })
    await send({ method: 'POST', path: '/warm' })
    a.answer = hang
    const { status, text } = await send({ method: 'POST', path: '/seats/1', headers: { 'idempotency-key': 'k1' } })
    const { outcome, key } = JSON.parse(text)
    assert.deepEqual([status, outcome, key], [503, 'unknown', 'k1'])
  })

  it('is waited for beyond the hold time if the backend lives and is only slow', async (t) => {
    const { a, send } = await startCluster(t, { options: { holdTimeMs: 200 } })
    await send({ method: 'POST', path: '/warm' })
    a.answer = (arrival, response) => {
      if (arrival.method === 'HEAD') response.writeHead(404).end()
      else setTimeout(() => a.apply(arrival, response), 600)
    }
    assert.equal((await send({ method: 'POST', path: '/slow' })).status, 200)
    assert.ok(a.arrivals.some(({ method, url }) => method === 'HEAD' && url === sessionsPath))
  })
})

describe('a backend that does not lead', () => {
  it('keeps requests waiting until a decision, and shows no client its refusal', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = refuse
    const reply = send({ method: 'POST', path: '/seats/1' })
    await until(() => a.arrivals.length > 1, 'tries')
    follower.decide(b.decision(2))
    const { status, headers } = await reply
    assert.equal(status, 200)
    assert.equal(headers['x-heartline-refused'], undefined)
    assert.equal(b.requests[0]!.note!.replays, 0, 'a refused sending was no run')
  })

  it('is asked by one scout at a time', async (t) => {
    const { a, b, follower, logs, send } = await startCluster(t)
    a.answer = refuse
    const first = send({ path: '/' })
    await until(() => logs.some(({ event }) => event === 'unreachable'), 'the first refusal')
    const replies = [first, ...Array.from({ length: 30 }, () => send({ path: '/' }))]
    await until(() => a.arrivals.length >= 4, 'scouts')
    assert.ok(a.arrivals.length < 10)
    follower.decide(b.decision(2))
    for (const { status } of await Promise.all(replies)) assert.equal(status, 200)
  })

  it('may point to the one that does, which is followed though no receiver is heard', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = (_arrival, response) => {
      response.writeHead(421, { 'x-heartline-refused': 'not-active', 'x-heartline-active': `7 ${b.url}` })
      response.end()
    }
    const { status, headers } = await send({ path: '/seats' })
    assert.equal(status, 200)
    assert.equal(headers['x-heartline-epoch'], '7')
    assert.equal(headers['x-heartline-active'], undefined)
    assert.deepEqual(follower.epochsSeen, [7])
  })
})

describe('a backend without exactly once', () => {
  const dying: (backend: { kill(): void }) => Answer = (backend) => () => backend.kill()

  it('gets no replay of a POST that may have been sent: 502, outcome unknown', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { exactlyOnce: false })
    a.answer = dying(a)
    const { status, text } = await send({ method: 'POST', path: '/seats/1' })
    assert.deepEqual([status, JSON.parse(text).outcome, JSON.parse(text).key], [502, 'unknown', null])
    follower.decide(b.decision(2))
    assert.equal(b.arrivals.length, 0)
  })

  it('gets the replay of a PUT', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { exactlyOnce: false })
    a.answer = dying(a)
    const reply = send({ method: 'PUT', path: '/registers/1', body: 'x' })
    await until(() => follower.reports.length > 0, 'a report')
    follower.decide(b.decision(2))
    assert.equal((await reply).status, 200)
    assert.equal(b.requests[0]!.note, undefined, 'it is not ours, and is told nothing of ours')
  })

  it('gets a POST that was certainly not sent before', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { exactlyOnce: false })
    a.kill()
    const reply = send({ method: 'POST', path: '/seats/1' })
    await until(() => follower.reports.length > 0, 'a report')
    follower.decide(b.decision(2))
    assert.equal((await reply).status, 200)
  })

  it('ends a POST itself when another is named meanwhile, and everything else goes there', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { exactlyOnce: false })
    a.answer = hang
    const post = send({ method: 'POST', path: '/seats/1' })
    const put = send({ method: 'PUT', path: '/registers/1', body: 'x' })
    await until(() => a.requests.length === 2, 'the requests')
    follower.decide(b.decision(2))
    assert.equal((await put).headers['x-heartline-backend'], 'b')
    assert.equal((await send({ method: 'POST', path: '/seats/2' })).headers['x-heartline-backend'], 'b')
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    const { status, headers } = await post
    assert.deepEqual([status, headers['x-heartline-backend'], headers['x-heartline-epoch']], [200, 'a', '1'])
  })

  it('leaves a POST unknown that it may have run, also to an exactly-once successor', async (t) => {
    const { a, b, follower, send } = await startCluster(t, { exactlyOnce: false, options: { holdTimeMs: 50 } })
    a.answer = hang
    const reply = send({ method: 'POST', path: '/seats/1' })
    await until(() => a.requests.length === 1, 'the request')
    b.exactlyOnce = true
    follower.decide(b.decision(2))
    const { status, text } = await reply
    assert.deepEqual([status, JSON.parse(text).outcome], [502, 'unknown'])
    assert.equal(b.requests.length, 0)
  })

  it('gets no replay of a POST that an exactly-once backend may have run', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = hang
    const reply = send({ method: 'POST', path: '/seats/1' })
    // The session is what hangs; let it through.
    a.answer = (arrival, response) => (arrival.url === sessionsPath ? a.openSession(response) : undefined)
    await until(() => a.requests.length === 1, 'the request')
    b.exactlyOnce = false
    follower.decide(b.decision(2))
    const { status, text } = await reply
    assert.deepEqual([status, JSON.parse(text).outcome], [502, 'unknown'])
  })
})

describe('holding', () => {
  it('keeps requests while no decision is known, and serves them with the first', async (t) => {
    const { a, follower, balancer, logs, send } = await startCluster(t, { decided: false })
    assert.equal(logs.filter(({ event }) => event === 'waiting').length, 1)
    const reply = send({ method: 'POST', path: '/seats/1' })
    const admin = await fetch(`${balancer.adminUrl}/readyz`)
    assert.equal(admin.status, 503)
    follower.decide(a.decision(1))
    assert.equal((await reply).status, 200)
  })

  it('ends after the hold time with 503, Retry-After and not applied', async (t) => {
    const { send } = await startCluster(t, { decided: false, options: { holdTimeMs: 30 } })
    const { status, headers, text } = await send({ method: 'POST', path: '/' })
    assert.equal(status, 503)
    assert.equal(headers['content-type'], 'application/problem+json')
    assert.equal(headers['retry-after'], '1')
    assert.deepEqual(JSON.parse(text).outcome, 'not applied')
    assert.equal(headers['x-heartline-epoch'], '0')
  })

  it('is bounded in count', async (t) => {
    const { a, follower, send } = await startCluster(t, { decided: false, options: { holdRequests: 2 } })
    const replies = [send({}), send({}), send({})]
    assert.equal((await Promise.race(replies)).status, 503)
    follower.decide(a.decision(1))
    const statuses = (await Promise.all(replies)).map(({ status }) => status).sort()
    assert.deepEqual(statuses, [200, 200, 503])
  })

  it('is bounded in bytes', async (t) => {
    const { a, follower, send } = await startCluster(t, { decided: false, options: { holdBytes: 1000 } })
    const body = Buffer.alloc(600)
    const replies = [send({ method: 'PUT', body }), send({ method: 'PUT', body })]
    assert.equal((await Promise.race(replies)).status, 503)
    follower.decide(a.decision(1))
    const statuses = (await Promise.all(replies)).map(({ status }) => status).sort()
    assert.deepEqual(statuses, [200, 503])
  })

  it('does not count what the active works on', async (t) => {
    const { send } = await startCluster(t, { options: { holdRequests: 0, holdBytes: 0 }, exactlyOnce: false })
    const replies = await Promise.all(Array.from({ length: 20 }, () => send({ method: 'POST', body: 'x' })))
    for (const { status } of replies) assert.equal(status, 200)
  })

  it('goes on as soon as a connection is free, when more wait than there are connections', async (t) => {
    const { a, balancer, agent } = await startCluster(t)
    a.answer = hang
    const replies = Array.from({ length: connectionsMax + 20 }, () => send(balancer.url, agent, {}))
    const held = async () =>
      /heartline_held_requests (\d+)/.exec(await (await fetch(`${balancer.adminUrl}/metrics`)).text())
    while ((await held())?.[1] !== '20') await new Promise((resolve) => setTimeout(resolve, 20))
    await until(() => a.arrivals.length >= connectionsMax, 'all connections taken') // one that came late was sent again
    a.answer = (arrival, response) => a.apply(arrival, response)
    a.answerHung()
    for (const { status } of await Promise.all(replies)) assert.equal(status, 200)
  })

  it('drops the request of a client that is gone', async (t) => {
    const { a, follower, balancer } = await startCluster(t, { decided: false })
    const metric = async () =>
      /heartline_held_requests (\d+)/.exec(await (await fetch(`${balancer.adminUrl}/metrics`)).text())?.[1]
    const socket = connect(balancer.port, '127.0.0.1')
    socket.write('POST /gone HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx')
    while ((await metric()) !== '1') await new Promise((resolve) => setTimeout(resolve, 2))
    socket.resetAndDestroy()
    while ((await metric()) !== '0') await new Promise((resolve) => setTimeout(resolve, 2))
    follower.decide(a.decision(1))
    assert.equal(a.requests.length, 0)
  })

  it('keeps the request of a client that closed its half', async (t) => {
    const { a, follower, balancer } = await startCluster(t, { decided: false })
    const socket = connect({ port: balancer.port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.end('POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
    await new Promise((resolve) => setTimeout(resolve, 50))
    follower.decide(a.decision(1))
    await until(() => Buffer.concat(chunks).includes('POST /half 2'), 'the answer')
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200/)
  })
})

describe('sessions', () => {
  it('number requests from 1 and tell what is still waited for', async (t) => {
    const { a, send } = await startCluster(t)
    for (const path of ['/1', '/2', '/3']) await send({ method: 'POST', path })
    const notes = a.requests.map(({ note }) => [note!.number, note!.lowestWaiting])
    assert.deepEqual(notes, [
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    await send({ path: '/4' })
    assert.equal(a.requests[3]!.note!.session, null)
  })

  it('are opened once for many first requests', async (t) => {
    const { a, send } = await startCluster(t)
    await Promise.all(Array.from({ length: 20 }, () => send({ method: 'POST' })))
    assert.equal(a.arrivals.filter(({ url }) => url === sessionsPath).length, 1)
    assert.equal(new Set(a.requests.map(({ note }) => note!.number)).size, 20)
  })

  it('that ended are replaced, and the request gets a number of the new one', async (t) => {
    const { a, journal, send } = await startCluster(t)
    await send({ method: 'POST', path: '/1' })
    journal.sessions.clear()
    journal.sessions.add('other')
    const { status } = await send({ method: 'POST', path: '/2' })
    assert.equal(status, 200)
    const { session, number } = a.requests.at(-1)!.note!
    assert.deepEqual([session, number], ['session-2', 1])
    assert.equal(journal.applied.length, 2)
  })

  it('that ended before a replay leave the outcome unknown', async (t) => {
    const { a, b, journal, follower, send } = await startCluster(t)
    await send({ method: 'POST', path: '/1' })
    a.answer = hang
    const reply = send({ method: 'POST', path: '/2' })
    await until(() => a.requests.length === 2, 'the request')
    journal.sessions.clear()
    follower.decide(b.decision(2))
    const { status, text } = await reply
    assert.deepEqual([status, JSON.parse(text).outcome], [502, 'unknown'])
  })

  it('that cannot be opened are asked for again', async (t) => {
    const { a, send } = await startCluster(t)
    const open = a.openSession.bind(a)
    let tries = 0
    a.openSession = (response) => {
      tries += 1
      if (tries > 1) open(response)
      else response.writeHead(503).end()
    }
    assert.equal((await send({ method: 'POST' })).status, 200)
    assert.equal(tries, 2)
  })
})

describe('headers', () => {
  it('of one connection, of ours and Expect never reach a backend; what a proxy adds does', async (t) => {
    const { a, send } = await startCluster(t, { options: { token: 'a-secret' } })
    await send({
      method: 'POST',
      path: '/a?b=c',
      headers: {
        Connection: 'x-private, keep-alive',
        'X-Private': '1',
        Expect: '100-continue',
        'X-Heartline-Token': 'forged',
        'X-Heartline-Request': 'forged 1 1 1 0',
        'X-Heartline-Anything': '1',
        TE: 'trailers',
        'Idempotency-Key': 'k',
        'X-Forwarded-For': '10.0.0.1',
        'X-Forwarded-Proto': 'https',
        Via: '1.1 before',
        Cookie: ['a=1', 'b=2'],
        Host: 'tickets.example',
      },
      body: 'x',
    })
    const { headers, url } = a.requests[0]!
    assert.equal(url, '/a?b=c')
    for (const name of ['x-private', 'expect', 'te', 'x-heartline-anything'])
      assert.equal(headers[name], undefined, name)
    assert.equal(headers['x-heartline-token'], 'a-secret')
    assert.equal(a.requests[0]!.note!.session, 'session-1')
    assert.equal(headers['idempotency-key'], 'k')
    assert.equal(headers['x-forwarded-for'], '127.0.0.1')
    assert.equal(headers['x-forwarded-proto'], 'http')
    assert.equal(headers['x-forwarded-host'], 'tickets.example')
    assert.equal(headers.host, 'tickets.example')
    assert.equal(headers.via, '1.1 before, 1.1 heartline')
    assert.equal(headers.cookie, 'a=1; b=2')
  })

  it('of an answer pass, except those of one connection and of ours', async (t) => {
    const { a, send } = await startCluster(t)
    a.answer = (_arrival, response) => {
      response.writeHead(201, 'Made', {
        'Set-Cookie': ['a=1', 'b=2'],
        Connection: 'x-private, keep-alive',
        'X-Private': '1',
        Date: 'Thu, 01 Jan 1970 00:00:00 GMT',
        'X-Heartline-Active': '1 -',
        'X-Kept': 'ü',
      })
      response.end('ok')
    }
    const { status, headers, text } = await send({})
    assert.deepEqual([status, text], [201, 'ok'])
    assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2'])
    assert.equal(headers.date, 'Thu, 01 Jan 1970 00:00:00 GMT')
    assert.equal(headers['x-private'], undefined)
    assert.equal(headers['x-heartline-active'], undefined)
    assert.equal(headers['x-kept'], 'ü')
    assert.equal(headers.via, '1.1 heartline')
    assert.equal(headers['x-heartline-backend'], 'a')
    assert.equal(headers['x-heartline-epoch'], '1')
    assert.equal(headers['x-heartline-replays'], undefined)
  })

  it('HEAD and 304 keep their length and have no body', async (t) => {
    const { a, send } = await startCluster(t)
    a.answer = (_arrival, response) => response.writeHead(200, { 'content-length': '1000000' }).end()
    const { status, headers, body } = await send({ method: 'HEAD' })
    assert.deepEqual([status, headers['content-length'], body.length], [200, '1000000', 0])
  })
})

describe('answers', () => {
  it('of any size arrive whole', async (t) => {
    const { a, send } = await startCluster(t)
    for (const size of [0, 1, 65_536, 65_537, 3_000_000]) {
      const sent = Buffer.alloc(size, 'abc')
      a.answer = (_arrival, response) => response.writeHead(200, { 'content-length': size }).end(sent)
      assert.ok((await send({})).body.equals(sent), `length ${size}`)
      a.answer = (_arrival, response) => {
        response.write(sent.subarray(0, size / 2))
        response.end(sent.subarray(size / 2))
      }
      assert.ok((await send({})).body.equals(sent), `chunked ${size}`)
    }
  })

  it('that begin and pause reach the client before they end', async (t) => {
    const { a, balancer } = await startCluster(t)
    a.answer = (_arrival, response) => {
      response.write('first')
      t.after(() => response.end())
    }
    const response = await fetch(balancer.url)
    const { value } = await response.body!.getReader().read()
    assert.equal(Buffer.from(value!).toString(), 'first')
  })

  it('of unknown length begin once they are too large to collect', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = (_arrival, response) => response.write(Buffer.alloc(200_000), () => setTimeout(() => a.kill(), 10))
    const reply = send({})
    reply.catch(() => undefined)
    await until(() => a.arrivals.length > 0 && a.sockets.size === 0, 'the death')
    follower.decide(b.decision(2))
    await assert.rejects(reply)
  })

  it('that have begun are cut when the backend dies, never spliced', async (t) => {
    const { a, b, follower, send } = await startCluster(t)
    a.answer = (_arrival, response) => {
      response.writeHead(200, { 'content-length': '1000000' })
      response.write(Buffer.alloc(500_000), () => setTimeout(() => a.kill(), 50))
    }
    const reply = send({})
    reply.catch(() => undefined)
    await until(() => a.arrivals.length > 0, 'the request')
    await assert.rejects(reply)
    follower.decide(b.decision(2))
    assert.equal(b.arrivals.length, 0)
  })
})

it('a request that cannot be passed on is the client’s mistake', async (t) => {
  const { balancer, send } = await startCluster(t)
  const socket = connect(balancer.port, '127.0.0.1')
  t.after(() => socket.destroy())
  socket.write('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(answer.toString(), /^HTTP\/1\.1 400/)
  assert.equal((await send({})).status, 200)
})
