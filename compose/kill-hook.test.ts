import assert from 'node:assert/strict'
import { request } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type KillAnswer, openKillHook } from './kill-hook.ts'

async function hook(t: TestContext, answer: (name: string) => KillAnswer = () => ({ killed: true })) {
  const killed: string[] = []
  const opened = await openKillHook(async (name) => {
    killed.push(name)
    return answer(name)
  })
  t.after(() => opened.close())
  return { url: opened.url, killed }
}

function post(url: string, body: string, method = 'POST'): Promise<Response> {
  return fetch(url, { method, ...(method === 'POST' ? { body, headers: { 'content-type': 'application/json' } } : {}) })
}

test('who knows the address has a backend killed by its name', async (t) => {
  const { url, killed } = await hook(t)
  const response = await post(url, '{"name":"backend-2"}')
  assert.deepEqual([response.status, await response.json(), killed], [200, { name: 'backend-2' }, ['backend-2']])
})

test('the address is on loopback, and differs each time by what nobody can guess', async (t) => {
  const [one, other] = [await hook(t), await hook(t)]
  for (const { url } of [one, other]) assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/kill\/[A-Za-z0-9_-]{43}$/)
  assert.notEqual(new URL(one.url).pathname, new URL(other.url).pathname)
})

test('whoever does not know it kills nobody', async (t) => {
  const { url, killed } = await hook(t)
  const wrong = [
    url.slice(0, -1),
    `${url}x`,
    url.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')),
    new URL('/kill/', url).href,
  ]
  for (const address of wrong) assert.equal((await post(address, '{"name":"a"}')).status, 404)
  assert.deepEqual(killed, [])
})

test('why nobody was killed is said as a problem with its status', async (t) => {
  const { url } = await hook(t, (name) => ({ killed: false, status: 404, reason: `there is no ${name}` }))
  const response = await post(url, '{"name":"x"}')
  assert.equal(response.status, 404)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  assert.equal(((await response.json()) as { title: string }).title, 'there is no x')
})

test('a failure inside is answered, and is no crash', async (t) => {
  const { url } = await hook(t, () => {
    throw new Error('surprise')
  })
  assert.equal((await post(url, '{"name":"x"}')).status, 500)
})

for (const [rule, body, method, status] of [
  ['no JSON', 'name=a', 'POST', 400],
  ['no name', '{}', 'POST', 400],
  ['a name that is too long', JSON.stringify({ name: 'x'.repeat(129) }), 'POST', 400],
  ['more than a kilobyte', JSON.stringify({ name: 'a', more: 'x'.repeat(2_000) }), 'POST', 400],
  ['a GET, as a page that is fetched ahead would', '', 'GET', 405],
] as const)
  test(`${rule} kills nobody`, async (t) => {
    const { url, killed } = await hook(t)
    assert.equal((await post(url, body, method)).status, status)
    assert.deepEqual(killed, [])
  })

test('it closes though a request never ends', async () => {
  const opened = await openKillHook(async () => ({ killed: true }))
  const endless = request(opened.url, { method: 'POST', headers: { 'content-length': '100' } })
  const broken = new Promise((resolve) => endless.once('error', resolve))
  endless.write('{')
  await new Promise((resolve) => endless.once('socket', (socket) => socket.once('connect', resolve)))
  await opened.close()
  await broken
})
