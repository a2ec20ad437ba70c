import assert from 'node:assert/strict'
import { test } from 'node:test'
import express from 'express'
import pino from 'pino'
import { isIdempotent } from '../checkpoint/http-methods.ts'
import { createCheckpoint, memoryJournal, router, routes } from '../checkpoint/index.ts'
import { mayReplay } from './replay-guard.ts'

const log = pino({ level: 'silent' })
const checkpoint = createCheckpoint({ journal: memoryJournal(), incarnation: 'i', node: 'n', log })
const { route } = routes(checkpoint, { node: 'n', log })
const exact = route(() => ({ status: 200 }))
const plain: express.RequestHandler = (_request, response) => void response.end()

test('only what is certainly answered by an exactly-once route may be sent again', () => {
  const nested = express.Router().post('/exact/:id', exact).post('/plain', plain)
  const app = express()
    .use(express.json())
    .post('/exact', exact)
    .post('/guarded', plain, exact)
    .post('/plain', plain)
    .all('/all', exact)
    .use('/nested', nested)
    .get('/read', exact)
  const table: [string, string, boolean][] = [
    ['POST', '/exact', true],
    ['POST', '/guarded', true],
    ['POST', '/all', true],
    ['POST', '/nested/exact/7', true],
    ['POST', '/plain', false],
    ['POST', '/nested/plain', false],
    ['POST', '/nowhere', false],
    ['POST', '/read', false],
    ['PATCH', '/exact', false],
  ]
  for (const [method, path, expected] of table)
    assert.equal(mayReplay(app, method, path), expected, `${method} ${path}`)
})

test('of a router, the row that a request meets decides', () => {
  const app = router({
    'POST /exact/:id': exact,
    'POST /plain': (_request, response) => void response.end(),
    'GET /read': exact,
  })
  const rows: [string, string, boolean][] = [
    ['POST', '/exact/7', true],
    ['POST', '/plain', false],
    ['POST', '/read', false],
    ['POST', '/nowhere', false],
  ]
  for (const [method, path, expected] of rows) assert.equal(mayReplay(app, method, path), expected, `${method} ${path}`)
})

test('a handler of any other shape is refused', () => {
  assert.equal(mayReplay(exact, 'POST', '/'), true)
  assert.equal(
    mayReplay(() => undefined, 'POST', '/'),
    false,
  )
  assert.equal(mayReplay({ router: { stack: [{}] } }, 'POST', '/'), false)
})

test('methods that HTTP allows to repeat are not guarded', () => {
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) assert.equal(isIdempotent(method), true)
  for (const method of ['POST', 'PATCH', 'CONNECT', 'FROB']) assert.equal(isIdempotent(method), false)
})
