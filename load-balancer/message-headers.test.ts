import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { Forwarding, type Received } from './forwarding.ts'
import { originForm, toBackend, toBackendInPlace, toClient } from './message-headers.ts'

const zeros = '0'.repeat(47)
const forwarding = new Forwarding({ trusts: (address) => address === '10.0.0.1', randomHex: () => `${zeros}1` })
const received = (rawHeaders: string[], headers: Received['headers'], more: Partial<Received> = {}): Received => ({
  httpVersion: '1.1',
  httpVersionMajor: 1,
  url: '/',
  socket: { remoteAddress: '1.2.3.4' },
  rawHeaders,
  headers,
  ...more,
})
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
  'Forwarded',
  'Http2-Settings',
)
const never =
  /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|http2-settings|content-length|proxy-.*|x-heartline-.*)$/

it('whatever a client sends, nothing of one connection and nothing of ours passes', () => {
  const header = fc.tuple(names, fc.constantFrom('a', 'x-one', 'close', 'keep-alive, X-Two'))
  fc.assert(
    fc.property(fc.array(header, { maxLength: 12 }), (sent) => {
      const headers: Record<string, string> = {}
      for (const [name, value] of sent) {
        const key = name.toLowerCase()
        headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
      }
      const passed = toBackend(received(sent.flat(), headers), forwarding).filter((_, index) => index % 2 === 0)
      const listed = (headers.connection ?? '').toLowerCase().split(/, */)
      for (const name of passed) {
        assert.doesNotMatch(name.toLowerCase(), never)
        assert.ok(!listed.includes(name.toLowerCase()) || /^(via|forwarded|x-forwarded-.*)$/.test(name))
      }
      const inPlace = { ...headers }
      toBackendInPlace(received([], inPlace), forwarding)
      for (const name of Object.keys(inPlace))
        assert.doesNotMatch(name, /^(keep-alive|te|trailer|expect|proxy-.*|x-heartline-.*)$/)
      for (const single of ['via', 'x-forwarded-for', 'traceparent'])
        assert.equal(passed.filter((name) => name === single).length, 1)
    }),
  )
})

it('a Connection header cannot take Host away', () => {
  const flat = toBackend(received(['Host', 'h', 'Connection', 'host'], { host: 'h', connection: 'host' }), forwarding)
  assert.deepEqual(flat.slice(0, 2), ['Host', 'h'])
})

it('a trace is carried on with its state, or begun without', () => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'
  const traced = (traceparent: string) => {
    const raw = ['traceparent', traceparent, 'tracestate', 'a=1']
    return toBackend(received(raw, { traceparent, tracestate: 'a=1' }), forwarding)
  }
  assert.deepEqual(
    [traced(trace).slice(0, 2), traced(trace).slice(-2)],
    [
      ['tracestate', 'a=1'],
      ['traceparent', trace],
    ],
  )
  const made = `00-${'0'.repeat(32)}-${'0'.repeat(15)}1-01`
  assert.deepEqual(traced(`${trace}, ${trace}`).slice(-2), ['traceparent', made])
  assert.ok(!traced('x').includes('tracestate'))
})

it('HTTP/2 becomes HTTP/1.1: no pseudo-header passes, and a cookie that was split is one again', () => {
  const headers = { ':authority': 'h', ':path': '/', ':method': 'GET', ':scheme': 'https', cookie: 'a=1; b=2', x: '1' }
  const raw = Object.entries({ ...headers, cookie: 'a=1' }).flat()
  const request = received(raw, headers, { httpVersion: '2.0', httpVersionMajor: 2 })
  const flat = toBackend(request, forwarding)
  assert.deepEqual(flat.slice(0, 6), ['host', 'h', 'cookie', 'a=1; b=2', 'x', '1'])
  assert.ok(!flat.some((name) => name.startsWith(':')))
  assert.equal(flat[flat.indexOf('via') + 1], '2 heartline')
  toBackendInPlace(request, forwarding)
  assert.equal(request.headers.host, 'h')
})

it('a whole URL names the host, whatever Host says', () => {
  const request = received(['Host', 'other'], { host: 'other' }, { url: 'http://named:81/x' })
  const flat = toBackend(request, forwarding)
  assert.deepEqual(flat.slice(0, 2), ['host', 'named:81'])
  assert.equal(flat[flat.indexOf('x-forwarded-host') + 1], 'named:81')
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
  toBackendInPlace(received([], headers), forwarding)
  assert.deepEqual([headers.connection, headers.upgrade, headers['sec-websocket-key']], ['Upgrade', 'websocket', 'k'])
})

it('the absolute form becomes the origin form, and what is neither is refused', () => {
  assert.equal(originForm('/a?b'), '/a?b')
  assert.equal(originForm('//a'), '//a')
  assert.equal(originForm('http://x/a?b'), '/a?b')
  for (const url of ['*', 'x:1', 'ftp://x/']) assert.equal(originForm(url), undefined)
})
