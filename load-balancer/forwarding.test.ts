import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Forwarding, type Received } from './forwarding.ts'
import { isTraceparent, makeTraceparent } from './trace-context.ts'
import { isTrustEntry, trustOf } from './trust.ts'

const forwarding = new Forwarding({ trusts: trustOf(['10.0.0.0/8', 'loopback']), randomHex: () => '1'.repeat(48) })
const added = (remoteAddress: string, headers: Received['headers'], more: Partial<Received> = {}) => {
  const request = { httpVersion: '1.1', httpVersionMajor: 1, url: '/', headers, rawHeaders: [], ...more }
  const flat = forwarding.headersFor({ ...request, socket: more.socket ?? { remoteAddress } })
  return Object.fromEntries(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : [])))
}
const claims = {
  host: 'shop',
  'x-forwarded-for': '9.9.9.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'front',
  'x-real-ip': '9.9.9.9',
  forwarded: 'for=9.9.9.9',
}

describe('who asked', () => {
  it('is what this proxy sees, whatever a client claims', () => {
    assert.deepEqual(added('1.2.3.4', claims), {
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'shop',
      forwarded: 'for=1.2.3.4;host=shop;proto=http',
      via: '1.1 heartline',
    })
  })

  it('is what a trusted neighbour says, with the neighbour added', () => {
    assert.deepEqual(added('::ffff:10.1.2.3', { ...claims, via: '2 front' }), {
      'x-forwarded-for': '9.9.9.9, 10.1.2.3',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'front',
      'x-real-ip': '9.9.9.9',
      forwarded: 'for=9.9.9.9, for=10.1.2.3;host=shop;proto=http',
      via: '2 front, 1.1 heartline',
    })
  })

  it('is quoted where RFC 7239 says so, and nothing can leave the quotes', () => {
    assert.equal(added('2001:db8::1', { host: 'h:80' }).forwarded, 'for="[2001:db8::1]";host="h:80";proto=http')
    assert.equal(
      added('fe80::1%eth0', { host: 'a";for=x\\' }).forwarded,
      'for="[fe80::1]";host="a\\";for=x\\\\";proto=http',
    )
  })

  it('is kept for a connection as long as the host that is asked for is the same', () => {
    const socket = { remoteAddress: '1.2.3.4', encrypted: true }
    const request = { httpVersion: '1.1', httpVersionMajor: 1, url: '/', rawHeaders: [], socket }
    const first = forwarding.headersFor({ ...request, headers: { host: 'a' } })
    assert.equal(forwarding.headersFor({ ...request, headers: { host: 'a' } }), first)
    assert.equal(added('', { host: 'b' }, { socket }).forwarded, 'for=1.2.3.4;host=b;proto=https')
    assert.equal(added('', { host: 'b', via: '1.0 x' }, { socket }).via, '1.0 x, 1.1 heartline')
    assert.equal(added('', { host: 'b' }, { socket }).via, '1.1 heartline')
    assert.equal(added('', { host: 'b' }, { socket, httpVersion: '1.0' }).via, '1.0 heartline')
  })
})

it('a traceparent is passed on only as the standard has it', () => {
  const good = ['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', makeTraceparent('1'.repeat(48))]
  for (const text of [...good, `01${good[0]!.slice(2)}-more`]) assert.ok(isTraceparent(text), text)
  const bad = [
    '',
    `${good[0]}-more`,
    good[0]!.toUpperCase(),
    `ff${good[0]!.slice(2)}`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`,
    `${good[0]}, ${good[0]}`,
    `${good[0]}x`,
  ]
  for (const text of [...bad, undefined, good]) assert.ok(!isTraceparent(text), String(text))
})

it('trust covers addresses, blocks and loopback, and no more', () => {
  const trusts = trustOf(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', 'loopback'])
  for (const address of ['10.255.0.1', '192.0.2.1', '2001:db8::9', '127.0.0.9', '::1'])
    assert.ok(trusts(address), address)
  for (const address of ['11.0.0.1', '192.0.2.2', '2001:db9::', 'unknown', '']) assert.ok(!trusts(address), address)
  assert.ok(!trustOf([])('127.0.0.1'))
  for (const text of ['x', '10.0.0.0/33', '10.0.0.0/', '::/129', '1.2.3.4/8/8', '10.0.0.0/-1'])
    assert.ok(!isTrustEntry(text), text)
})
