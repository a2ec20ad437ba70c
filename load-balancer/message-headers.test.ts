import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { originForm, toBackend, toBackendInPlace, toClient } from './message-headers.ts'

const origin = { address: '1.2.3.4', protocol: 'http' as const, host: 'h' }
const names = fc.constantFrom(
  'Accept',
  'CONNECTION',
  'Keep-Alive',
  'Te',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Expect',
  'Content-Length',
  'X-Heartline-Token',
  'x-heartline-anything',
  'Proxy-Authorization',
  'X-One',
  'X-Two',
  'Via',
  'X-Forwarded-Host',
)
const never =
  /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|proxy-.*|x-heartline-.*)$/

it('whatever a client sends, nothing of one connection and nothing of ours passes', () => {
  const header = fc.tuple(names, fc.constantFrom('a', 'x-one', 'close', 'keep-alive, X-Two'))
  fc.assert(
    fc.property(fc.array(header, { maxLength: 12 }), (sent) => {
      const headers: Record<string, string> = {}
      for (const [name, value] of sent) {
        const key = name.toLowerCase()
        headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
      }
      const passed = toBackend(sent.flat(), headers, origin).filter((_, index) => index % 2 === 0)
      const listed = (headers.connection ?? '').toLowerCase().split(/, */)
      for (const name of passed) {
        assert.doesNotMatch(name.toLowerCase(), never)
        assert.ok(!listed.includes(name.toLowerCase()) || /^(via|x-forwarded-.*)$/.test(name))
      }
      const inPlace = { ...headers }
      toBackendInPlace(inPlace, origin)
      for (const name of Object.keys(inPlace))
        assert.doesNotMatch(name, /^(keep-alive|te|trailer|expect|proxy-.*|x-heartline-.*)$/)
      for (const single of ['via', 'x-forwarded-host']) assert.equal(passed.filter((name) => name === single).length, 1)
    }),
  )
})

it('a backend’s word on who answered wins over ours', () => {
  const flat = toClient(
    { 'x-heartline-backend': 'b', 'x-heartline-epoch': '9' },
    { backend: 'a', epoch: 1, replays: 2 },
  )
  assert.deepEqual(flat.slice(-6), ['X-Heartline-Backend', 'b', 'X-Heartline-Epoch', '9', 'X-Heartline-Replays', '2'])
})

it('an upgrade keeps what it needs', () => {
  const headers: Record<string, string> = {
    connection: 'keep-alive, Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'k',
  }
  toBackendInPlace(headers, origin)
  assert.deepEqual([headers.connection, headers.upgrade, headers['sec-websocket-key']], ['Upgrade', 'websocket', 'k'])
})

it('the absolute form becomes the origin form, and what is neither is refused', () => {
  assert.equal(originForm('/a?b'), '/a?b')
  assert.equal(originForm('//a'), '//a')
  assert.equal(originForm('http://x/a?b'), '/a?b')
  for (const url of ['*', 'x:1', 'ftp://x/']) assert.equal(originForm(url), undefined)
})
