import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { certificateMetric } from './certificate-metric.ts'

const dayMs = 86_400_000
/** As OpenSSL writes it. */
const inDays = (days: number) => new Date(Date.now() + days * dayMs).toUTCString()

test('without TLS there is no value, and with it how long the certificate in use is valid, the last one only', async () => {
  const registry = new Registry()
  const took = certificateMetric([registry])
  const values = async () => {
    const [metric] = await registry.getMetricsAsJSON()
    return metric!.values.map(({ labels, value }) => [labels.subject, Math.round((value * 1_000) / dayMs)])
  }
  assert.deepEqual(await values(), [])
  took({ subject: 'CN=a', validTo: inDays(3) })
  assert.deepEqual(await values(), [['CN=a', 3]])
  took({ subject: 'CN=b', validTo: inDays(-1) })
  assert.deepEqual(await values(), [['CN=b', -1]])
})
