import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { absoluteTarget, isAuthority, plainFraming, RequestChecks, takeTarget } from './request-checks.ts'

const limits = { urlBytesMax: 20, headerCountMax: 4, bodyBytesMax: 10 }
const fault = (rawHeaders: string[], more: Record<string, unknown> = {}) =>
  new RequestChecks(limits).fault({
    url: '/',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders: ['Host', 'a', ...rawHeaders],
    ...more,
  })

describe('a request is checked for', () => {
  const cases: [string, string | undefined, string[], Record<string, unknown>?][] = [
    ['nothing unusual', undefined, ['Accept', 'x', 'Cookie', 'a', 'Cookie', 'b']],
    ['as many headers as may be', undefined, ['a', '', 'b', '', 'c', '']],
    ['one header too many', 'too many headers', ['a', '', 'b', '', 'c', '', 'd', '']],
    ['a target as long as may be', undefined, [], { url: `/${'a'.repeat(19)}` }],
    ['a target that is too long', 'URL too long', [], { url: `/${'a'.repeat(20)}` }],
    ['a body as large as may be', undefined, ['Content-Length', '10']],
    ['a body that is too large', 'body too large', ['Content-Length', '11']],
    ['a second Host in other letters', 'malformed', ['hOST', 'a']],
    ['no Host', 'malformed', [], { rawHeaders: [] }],
    ['no Host in 1.0, which needs none', undefined, [], { rawHeaders: [], httpVersionMinor: 0 }],
    [
      'no Host in HTTP/2, which has another',
      undefined,
      [],
      { rawHeaders: [':authority', 'a'], httpVersionMajor: 2, httpVersionMinor: 0, stream: {} },
    ],
    [
      'a bad authority in HTTP/2',
      'malformed',
      [],
      { rawHeaders: [':authority', 'a b'], httpVersionMajor: 2, httpVersionMinor: 0, stream: {} },
    ],
    ['HTTP/1 that calls itself 2.0', 'version unknown', [], { httpVersionMajor: 2, httpVersionMinor: 0 }],
    ['HTTP/1.2', 'version unknown', [], { httpVersionMinor: 2 }],
    ['both lengths', 'malformed', ['Content-Length', '1', 'Transfer-Encoding', 'chunked']],
    ['two codings', 'coding unknown', ['Transfer-Encoding', 'gzip, chunked']],
    ['a coding in 1.0', 'malformed', ['Transfer-Encoding', 'chunked'], { httpVersionMinor: 0 }],
    ['an expectation', 'expectation unknown', ['Expect', '100-continue, x']],
    ['an expectation that is known', undefined, ['Expect', '100-Continue']],
    ['a Connection that names Cookie', 'malformed', ['CONNECTION', 'keep-alive, cookie']],
    ['a Connection that names a field of its own', undefined, ['Connection', 'x-hop, Keep-Alive']],
    ['a name that is ours but for _', 'malformed', ['X_Heartline-Token', 'x']],
    ['a name with _ that is nobody’s', undefined, ['my_field', 'x']],
    ['a fragment', 'malformed', [], { url: '/a#b' }],
    ['an asterisk', 'malformed', [], { url: '*' }],
  ]
  for (const [title, expected, rawHeaders, more] of cases) {
    it(`${title}: ${expected ?? 'passes'}`, () => assert.equal(fault(rawHeaders, more), expected))
  }

  it('any length but plain digits', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (text) => {
        const sound = /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text)) && Number(text) <= 10
        assert.equal(fault(['Content-Length', text]) === undefined, sound)
      }),
    )
  })
})

it('an absolute target keeps its path byte by byte, and gives its authority to the Host', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!-"$-~]{0,30}$/), (rest) => {
      const path = `/${rest}`
      assert.deepEqual(absoluteTarget(`http://b.example:81${path}`), { authority: 'b.example:81', path })
    }),
  )
  const request = { url: 'http://b/c/../d', headers: { host: 'a' }, rawHeaders: ['X', 'a', 'HOST', 'a'] }
  takeTarget(request)
  assert.deepEqual(request, { url: '/c/../d', headers: { host: 'b' }, rawHeaders: ['X', 'a', 'HOST', 'b'] })
})

it('a port is a port', () => {
  for (const sound of ['a:0', 'a:65535', '[::1]:1', 'a:']) assert.ok(isAuthority(sound), sound)
  for (const bad of ['a:65536', 'a:1:1', 'a:+1', '[::1]1', ':1', '']) assert.ok(!isAuthority(bad), bad)
})

it('framing goes on in its plainest form', () => {
  const headers = { 'transfer-encoding': 'cHUNKED', 'content-length': '007' }
  plainFraming(headers)
  assert.deepEqual(headers, { 'transfer-encoding': 'chunked', 'content-length': '7' })
})
