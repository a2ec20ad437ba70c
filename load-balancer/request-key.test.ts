import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseKeySource, requestKey } from './request-key.ts'

const address = '192.0.2.7'
const keyOf = (source: string, headers: Record<string, string | string[]> = {}, url = '/') =>
  requestKey(parseKeySource(source)!, { headers, url, address })

describe('the source of a key', () => {
  it('is the address, a header, a cookie or a query parameter', () => {
    assert.deepEqual(parseKeySource('address'), { type: 'address' })
    assert.deepEqual(parseKeySource('header:X-User'), { type: 'header', name: 'x-user' })
    assert.deepEqual(parseKeySource('cookie:Session'), { type: 'cookie', name: 'Session' })
    assert.deepEqual(parseKeySource('query:user'), { type: 'query', name: 'user' })
  })

  it('is nothing else', () => {
    for (const text of [
      '',
      'Address',
      'header',
      'header:',
      'header:a b',
      'header:a:b',
      'cookie:a;b',
      'body:user',
      'query:a=b',
    ])
      assert.equal(parseKeySource(text), undefined, text)
    fc.assert(fc.property(fc.string(), (text) => void parseKeySource(text)))
  })
})

describe('the key of a request', () => {
  const table: [string, string, Record<string, string | string[]>, string, string][] = [
    ['is the address, if that is asked for', 'address', { 'x-user': 'eve' }, '/', address],
    ['is the header, whatever its case in the setting', 'header:X-User', { 'x-user': 'eve' }, '/', 'eve'],
    ['is the first of several headers', 'header:x-user', { 'x-user': ['eve', 'bob'] }, '/', 'eve'],
    ['is the cookie', 'cookie:user', { cookie: 'a=1; user=eve; b=2' }, '/', 'eve'],
    ['is the first cookie', 'cookie:user', { cookie: 'user=eve' }, '/', 'eve'],
    ['is the last cookie', 'cookie:user', { cookie: 'a=1;user=eve ' }, '/', 'eve'],
    ['is no cookie of a longer name', 'cookie:user', { cookie: 'xuser=1; user2=2; user=eve' }, '/', 'eve'],
    ['is no cookie of another case', 'cookie:user', { cookie: 'User=eve' }, '/', address],
    ['is the whole cookie, also with = in it', 'cookie:user', { cookie: 'user=a=b' }, '/', 'a=b'],
    ['is the query parameter', 'query:user', {}, '/path?a=1&user=eve&b=2', 'eve'],
    ['is the first of several parameters', 'query:user', {}, '/path?user=eve&user=bob', 'eve'],
    ['is no part of the path', 'query:user', {}, '/user=eve', address],
    ['is no value of another parameter', 'query:user', {}, '/?a=user=eve', address],
    ['is no two parameters', 'query:a&b', {}, '/?a&b=1', address],
    ['is the address without the header', 'header:x-user', {}, '/', address],
    ['is the address with an empty header', 'header:x-user', { 'x-user': '' }, '/', address],
    ['is the address without the cookie', 'cookie:user', { cookie: 'a=1' }, '/', address],
    ['is the address without any cookie', 'cookie:user', {}, '/', address],
    ['is the address with a cookie that has no value', 'cookie:user', { cookie: 'user' }, '/', address],
    ['is the address without the parameter', 'query:user', {}, '/?a=1', address],
    ['is the address with an empty parameter', 'query:user', {}, '/?user=&b=2', address],
  ]
  for (const [rule, source, headers, url, expected] of table) {
    it(rule, () => assert.equal(keyOf(source, headers, url), expected))
  }

  it('is found in any order of cookies and parameters, and nothing breaks it', () => {
    const name = fc.stringMatching(/^[a-z]{1,3}$/)
    const value = fc.stringMatching(/^[a-z0-9%+.=]{1,6}$/)
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, value), { selector: ([one]) => one, maxLength: 6 }),
        name,
        (pairs, sought) => {
          const expected = pairs.find(([one]) => one === sought)?.[1] ?? address
          const joined = (separator: string) => pairs.map(([one, text]) => `${one}=${text}`).join(separator)
          assert.equal(keyOf(`cookie:${sought}`, { cookie: joined('; ') }), expected)
          assert.equal(keyOf(`query:${sought}`, {}, `/p?${joined('&')}`), expected)
        },
      ),
    )
    fc.assert(
      fc.property(fc.string(), fc.string(), (cookie, query) => {
        assert.ok(keyOf('cookie:a', { cookie }))
        assert.ok(keyOf('query:a', {}, `/?${query}`))
      }),
    )
  })
})
