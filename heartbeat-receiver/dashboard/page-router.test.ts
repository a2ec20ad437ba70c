import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:http'
import { test } from 'node:test'
import { startTestReceiver } from '../test-receiver.ts'

test('the page is open to all, under a policy that allows nothing but its own files', async (t) => {
  const { base } = await startTestReceiver(t, { token: 'of this test' })
  const answer = await fetch(`${base}/`)
  const html = await answer.text()
  assert.equal(answer.status, 200)
  const importMap = /<script type="importmap">(.*?)<\/script>/s.exec(html)![1]!
  const hash = createHash('sha256').update(importMap).digest('base64')
  assert.equal(
    answer.headers.get('content-security-policy'),
    `default-src 'none'; script-src 'self' 'sha256-${hash}'; style-src 'self'; connect-src 'self'; img-src 'self' data:; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.equal(answer.headers.get('referrer-policy'), 'no-referrer')
  assert.equal(answer.headers.get('cache-control'), 'no-cache')
  assert.doesNotMatch(html, /https?:\/\/(?!www\.w3\.org)/, 'nothing comes from elsewhere')
  assert.doesNotMatch(html, /<!-- assets -->/)
})

test('a page that did not change is not sent again', async (t) => {
  const { base } = await startTestReceiver(t)
  const first = await fetch(`${base}/`)
  const headers = { 'if-none-match': first.headers.get('etag')! }
  // fetch would say `cache-control: no-cache` beside it, which asks for the page whatever happened
  const [again] = await once(get(base, { headers }), 'response')
  assert.equal(again.resume().statusCode, 304)
})

test('each file that the page names is there, without types, for good under its address', async (t) => {
  const { base } = await startTestReceiver(t)
  const html = await (await fetch(`${base}/`)).text()
  const named = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path!)
  assert.ok(named.length > 20, `${named.length} files`)
  for (const path of new Set(named)) {
    const answer = await fetch(`${base}${path}`)
    const text = await answer.text()
    assert.equal(answer.status, 200, path)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    const style = path.endsWith('.css')
    assert.equal(answer.headers.get('content-type'), `text/${style ? 'css' : 'javascript'}; charset=utf-8`, path)
    if (style) continue
    assert.doesNotMatch(text, /^\s*(?:import type|export (?:type|interface)) /m, path)
    for (const [, name] of text.matchAll(/from '(\.[^']+)'/g))
      assert.ok(named.includes(new URL(name!, `${base}${path}`).pathname), `${path} imports ${name}`)
  }
})

test('what the page does not import is not served, and neither is another version', async (t) => {
  const { base } = await startTestReceiver(t)
  const html = await (await fetch(`${base}/`)).text()
  const [, version] = /\/assets\/([0-9a-f]+)\//.exec(html)!
  for (const path of [
    `${version}/page/words.test.ts`,
    `${version}/page/tsconfig.json`,
    `${version}/page-router.ts`,
    `${version}/page/%2e%2e/%2e%2e/service.ts`,
    `${version}/`,
    '0123456789abcdef/page/main.ts',
  ])
    assert.equal((await fetch(`${base}/assets/${path}`)).status, 404, path)
})
