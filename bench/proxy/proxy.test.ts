import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Sample } from '../harness.ts'
import { treeCpuMs } from './placement.ts'
import { rateRatio, ratioRows } from './ratios.ts'
import { startCheckingUpstream } from './upstream.ts'
import { validateProxy } from './validation.ts'

const comparison = { key: 'theirs', numerator: 'ours', denominator: 'theirs' }

function sample(contender: string, round: number, get: number, post: number): Sample {
  return { contender, round, metrics: { 'GET rate': get, 'POST rate': post, 'GET cpu': 1 / get, 'POST cpu': 1 / post } }
}

test('a ratio is the smaller of those of GET and POST', () => {
  const samples = [sample('ours', 0, 30, 10), sample('theirs', 0, 20, 20)]
  assert.equal(rateRatio(samples, comparison), 0.5)
  const cpu = ratioRows(samples, comparison).map(({ name, median }) => [name, median])
  assert.deepEqual(cpu, [
    ['ours over theirs: GET', 1.5],
    ['ours over theirs: GET cpu', 1.5],
    ['ours over theirs: POST', 0.5],
    ['ours over theirs: POST cpu', 0.5],
  ])
})

test('processor time of a process that is gone is an error, not 0', {
  skip: process.platform !== 'linux',
}, async () => {
  assert.ok((await treeCpuMs(process.pid)) > 0)
  await assert.rejects(treeCpuMs(2 ** 30), { code: 'CONTENDER_WRONG' })
})

async function upstreamPort(t: TestContext): Promise<number> {
  const upstream = await startCheckingUpstream()
  t.after(() => upstream.stop())
  return upstream.port
}

async function proxyPort(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

/** A proxy that opens a connection for each request, and whose body and answer may be spoilt. */
function forwarder(port: number, spoil: { body?: string; answer?: string; close?: boolean }): RequestListener {
  return (request, response) => {
    const { method, url: path, headers } = request
    const { 'content-length': _length, connection: _connection, ...kept } = headers
    const outgoing = send({ port, method, path, headers: kept, agent: false }, (answer) => {
      response.writeHead(answer.statusCode!, {
        'x-seen': String(answer.headers['x-seen']),
        ...(spoil.close ? { connection: 'close' } : {}),
      })
      answer.pipe(response, { end: spoil.answer === undefined })
      if (spoil.answer !== undefined) answer.once('end', () => response.end(spoil.answer))
    })
    request.pipe(outgoing, { end: spoil.body === undefined })
    if (spoil.body !== undefined) request.once('end', () => outgoing.end(method === 'POST' ? spoil.body : undefined))
  }
}

for (const [what, spoil, message] of [
  ['changes a request body', { body: 'x' }, /handed on 1025 bytes of a POST of 1024/],
  ['changes an answer', { answer: 'x' }, /changed the body of an answer/],
  ["closes its client's connections", { close: true }, /closed the client's connection/],
  ["does not keep its upstream's connections", {}, /opened 18 connections for 20 requests/],
] as const)
  test(`a proxy that ${what} is not timed`, async (t) => {
    const port = await proxyPort(t, forwarder(await upstreamPort(t), spoil))
    await assert.rejects(validateProxy('it', port, true), message)
  })

test('a proxy that is said to keep no connections needs to keep none', async (t) => {
  const port = await proxyPort(t, forwarder(await upstreamPort(t), { close: true }))
  await validateProxy('it', port, false)
})
