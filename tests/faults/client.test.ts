import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { TestClient } from './client.ts'

interface Asked {
  readonly method: string | undefined
  readonly key: string | undefined
}

/** A balancer that answers by `answer`; resolves with its URL and what it was asked. */
async function balancer(t: TestContext, answer: (response: ServerResponse, request: IncomingMessage) => void) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    asked.push({ method: request.method, key: request.headers['idempotency-key'] as string | undefined })
    request.resume().on('end', () => answer(response, request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked }
}

function client(t: TestContext, ...urls: string[]): TestClient {
  const made = new TestClient(0, urls, { timeoutMs: 1_000 })
  t.after(() => made.close())
  return made
}

const counted = (response: ServerResponse) => response.end('{"name":"c","value":1}')
const increment = { op: 'increment', counter: 'c' } as const

test('a write whose balancer is lost goes to the next one under the same key', async (t) => {
  const dying = await balancer(t, (_response, request) => request.socket.destroy())
  const living = await balancer(t, counted)
  const recorded = await client(t, dying.url, living.url).perform(increment, 0)
  assert.deepEqual(recorded.outcome, { type: 'answered', answer: { type: 'count', value: 1 } })
  assert.deepEqual(recorded.result, { value: 1 })
  assert.deepEqual(
    recorded.troubles.map(({ type, balancer: at }) => [type, at]),
    [['dropped', dying.url]],
  )
  assert.ok(dying.asked[0]?.key)
  assert.deepEqual(living.asked, dying.asked)
})

test('each write has a key of its own, and a read has none', async (t) => {
  const { url, asked } = await balancer(t, counted)
  const made = client(t, url)
  for (const operation of [increment, increment, { op: 'read-counter', counter: 'c' } as const])
    await made.perform(operation, 0)
  assert.equal(new Set(asked.map(({ key }) => key)).size, 3)
  assert.equal(asked[2]?.key, undefined)
})

test('only a 503 with Retry-After that says that nothing was applied is a refusal', async (t) => {
  const retry = { 'retry-after': '1' }
  const cases = [
    [503, retry, '{"outcome":"not applied"}', 'refused', 'not-applied'],
    [503, {}, '{"outcome":"not applied"}', 'failed', 'not-applied'],
    [503, retry, '{"outcome":"unknown"}', 'undecided', 'unknown'],
    [503, {}, '{"outcome":"unknown"}', 'failed', 'unknown'],
    [502, retry, '{"outcome":"not applied"}', 'failed', 'not-applied'],
    [200, {}, 'nonsense', 'failed', 'unknown'],
  ] as const
  for (const [status, headers, body, trouble, outcome] of cases) {
    const { url } = await balancer(t, (response) => response.writeHead(status, headers).end(body))
    const recorded = await client(t, url).perform(increment, 0)
    assert.deepEqual([recorded.troubles[0]?.type, recorded.outcome.type], [trouble, outcome], `${status} ${body}`)
  }
})

test('a write of unknown outcome is sent again under its key, until it is answered', async (t) => {
  let asked = 0
  const { url, asked: requests } = await balancer(t, (response) => {
    if (++asked > 1) counted(response)
    else response.writeHead(503, { 'retry-after': '1' }).end('{"outcome":"unknown"}')
  })
  const recorded = await client(t, url).perform(increment, 0)
  assert.deepEqual([recorded.outcome.type, recorded.troubles.length, requests.length], ['answered', 1, 2])
  assert.equal(requests[0]?.key, requests[1]?.key)
})

test('what was sent before a refusal may have been applied all the same', async (t) => {
  const dying = await balancer(t, (_response, request) => request.socket.destroy())
  const refusing = await balancer(t, (response) =>
    response.writeHead(503, { 'retry-after': '1' }).end('{"outcome":"not applied"}'),
  )
  const recorded = await client(t, dying.url, refusing.url).perform(increment, 0)
  assert.deepEqual([recorded.outcome.type, recorded.result], ['unknown', 'unknown'])
})
