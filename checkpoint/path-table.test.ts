import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PathTable } from './path-table.ts'

const table = new PathTable({
  'GET /seats': 'list',
  'GET /seats/free': 'free',
  'GET /seats/:id': 'show',
  'POST /seats/:id': 'book',
  'POST /rows/:row/seats/:id': 'nested',
  'GET /': 'home',
})
const params = (entries: Record<string, string>) => Object.assign(Object.create(null), entries)

test('the first row that meets method and path answers, with its parameters decoded', () => {
  const rows: [string, string, string, Record<string, string>][] = [
    ['GET', '/', 'home', {}],
    ['GET', '/seats', 'list', {}],
    ['GET', '/seats/free', 'free', {}],
    ['GET', '/seats/a%20b', 'show', { id: 'a b' }],
    ['HEAD', '/seats/7', 'show', { id: '7' }],
    ['POST', '/seats/__proto__', 'book', { id: '__proto__' }],
    ['POST', '/rows/3/seats/%2F', 'nested', { row: '3', id: '/' }],
  ]
  for (const [method, path, handler, expected] of rows)
    assert.deepEqual(
      table.find(method, path),
      { kind: 'found', handler, params: params(expected) },
      `${method} ${path}`,
    )
})

test('a path that no row has is none, and one with other methods says which', () => {
  for (const path of ['/nowhere', '/seats/', '/seats/7/8', '/Seats', '', '/seats//'])
    assert.deepEqual(table.find('GET', path), { kind: 'none' }, path)
  assert.deepEqual(table.find('DELETE', '/seats/7'), { kind: 'other methods', allowed: ['GET', 'HEAD', 'POST'] })
  assert.deepEqual(table.find('HEAD', '/rows/1/seats/2'), { kind: 'other methods', allowed: ['POST'] })
})

test('a path that is not properly percent-encoded is malformed, and nothing else is', () => {
  assert.deepEqual(table.find('GET', '/seats/%'), { kind: 'malformed' })
  assert.deepEqual(table.find('GET', '/seats/%ff'), { kind: 'malformed' })
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (id) => {
      const found = table.find('POST', `/seats/${encodeURIComponent(id)}`)
      assert.deepEqual(found, { kind: 'found', handler: 'book', params: params({ id }) })
    }),
  )
})

test('a row that is no method and path, or that can never be met, is refused by name', () => {
  for (const row of ['/seats', 'get /seats', 'GET seats', 'GET  /seats', 'GET /a b', 'GET /a?b=1', ''])
    assert.throws(
      () => new PathTable({ [row]: 1 }),
      { code: 'OPTIONS_WRONG', message: new RegExp(`'${row.replace('?', '\\?')}'`) },
      row,
    )
  assert.throws(() => new PathTable({ 'GET /a/:x': 1, 'GET /a/:y': 2 }), /'GET \/a\/:y' is never met: 'GET \/a\/:x'/)
})
