import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isOwn, namesLoopback } from './request-origin.ts'
import { Sessions, sessionCookieOf, sessionIn, sessionMs, sessionsMax, setCookieOf } from './sessions.ts'

describe('a session', () => {
  it('lasts for twelve hours, or until it is ended', () => {
    const sessions = new Sessions()
    sessions.open('a', 0)
    sessions.open('b', 0)
    sessions.end('b')
    assert.deepEqual([sessions.isOpen('a', sessionMs - 1), sessions.isOpen('a', sessionMs)], [true, false])
    assert.deepEqual(
      [sessions.isOpen('b', 1), sessions.isOpen('c', 1), sessions.isOpen(undefined, 1)],
      [false, false, false],
    )
  })

  it('beyond the most of them the oldest ends', () => {
    const sessions = new Sessions()
    for (let count = 0; count <= sessionsMax; count++) sessions.open(`s${count}`, count)
    const open = Array.from({ length: sessionsMax + 1 }, (_, count) => sessions.isOpen(`s${count}`, 100))
    assert.deepEqual(open, [false, ...Array.from({ length: sessionsMax }, () => true)])
  })

  it('is found among other cookies, and only under its own name', () => {
    const name = 'heartline-session-r'
    assert.equal(sessionIn(`a=1; ${name}=abc; b=2`, name), 'abc')
    for (const cookie of [undefined, '', 'a=1', `x-${name}=abc`, `${name}2=abc`])
      assert.equal(sessionIn(cookie, name), undefined, String(cookie))
  })

  it('has a name of its own for each receiver of a host, of characters that a cookie may have (RFC 6265 4.1.1)', () => {
    const receivers = ['h:7070', 'h:7071', 'h-7070', 'h.7070', 'h_7070']
    const names = receivers.map(sessionCookieOf)
    assert.equal(new Set(names).size, receivers.length)
    for (const name of names) assert.match(name, /^[!#$%&'*+.^_`|~\w-]+$/)
    const both = names.map((name, index) => `${name}=s${index}`).join('; ')
    assert.equal(sessionIn(both, sessionCookieOf('h:7071')), 's1')
  })

  it('cannot be read by scripts nor sent by other sites, and goes by TLS only where there is TLS', () => {
    assert.equal(setCookieOf('s', 'abc', false), 's=abc; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200')
    assert.match(setCookieOf('s', 'abc', true), /; Secure$/)
    assert.match(setCookieOf('s', null, true), /^s=; .*Max-Age=0; Secure$/)
  })
})

describe('where a request comes from', () => {
  it('a script says nothing of it; a page must be of this very origin', () => {
    const own = (more: object) => isOwn({ host: 'h:1', origin: undefined, site: undefined, ...more })
    assert.equal(own({}), true)
    assert.equal(own({ origin: 'http://h:1', site: 'same-origin' }), true)
    assert.equal(own({ origin: 'http://h:1' }), true, 'a browser that says no site')
    for (const site of ['cross-site', 'same-site', 'none', '']) assert.equal(own({ site }), false, site)
    for (const origin of ['http://evil', 'http://h:2', 'null', 'http://h:1.evil', 'http://evil/h:1'])
      assert.equal(own({ origin }), false, origin)
    assert.equal(own({ origin: 'http://evil', site: 'same-origin' }), false)
    assert.equal(own({ origin: 'http://h:1', host: undefined }), false)
  })

  it('a loopback address is one by number or as localhost, and no name that looks like it', () => {
    for (const host of ['127.0.0.1', '127.0.0.1:7070', 'localhost:7070', '[::1]:7070', '127.8.9.1', 'LOCALHOST'])
      assert.equal(namesLoopback(host), true, host)
    for (const host of [
      undefined,
      '',
      'evil',
      'localhost.evil:7070',
      '127.0.0.1.evil',
      '10.0.0.1',
      '[::2]',
      'evil@evil',
    ])
      assert.equal(namesLoopback(host), false, String(host))
  })
})
