import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { it } from 'node:test'
import { WebSocket } from 'ws'
import { receiverOptions } from './config.ts'
import { writePair } from './test-certificates.ts'
import { startTestReceiver } from './test-receiver.ts'

it('a receiver with a certificate speaks TLS alone, on WebSockets and HTTP', async (t) => {
  const { tlsCert, tlsKey, pair } = writePair(t)
  const { url, base } = await startTestReceiver(t, { tls: { tlsCert, tlsKey } })
  assert.match(url, /^wss:/)
  const follower = new WebSocket(`${url}/decisions`, { ca: pair.cert })
  t.after(() => follower.terminate())
  follower.on('error', () => undefined)
  await once(follower, 'open')
  const [response] = (await once(get(`${base}/healthz`, { ca: pair.cert }), 'response')) as [IncomingMessage]
  response.resume()
  assert.equal(response.statusCode, 200)
  await assert.rejects(fetch(`${base.replace('https', 'http')}/healthz`))
})

it('a receiver with a certificate tells when it expires', async (t) => {
  const { tlsCert, tlsKey, pair } = writePair(t)
  const { base } = await startTestReceiver(t, { tls: { tlsCert, tlsKey } })
  const [response] = (await once(get(`${base}/metrics`, { ca: pair.cert }), 'response')) as [IncomingMessage]
  assert.match(await text(response), /^heartline_certificate_expiry_seconds\{subject="[^"]+"\} [1-9]/m)
})

it('a certificate without its key is a mistake', () => {
  assert.deepEqual(receiverOptions.safeParse({ tlsCert: 'x' }).error!.issues[0]!.path, ['tlsCert'])
})
