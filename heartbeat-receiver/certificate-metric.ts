/** What Prometheus is told of the certificate in use. */
import { Gauge, type Registry } from 'prom-client'
import type { TlsPair } from './tls-pair.ts'

/** Adds `heartline_certificate_expiry_seconds`, which has no value where there is no TLS. Returns what is to be told of each pair that is taken into use. */
export function certificateMetric(registers: Registry[]): (pair: Pick<TlsPair, 'subject' | 'validTo'>) => void {
  let current: Pick<TlsPair, 'subject' | 'validTo'> | undefined
  new Gauge({
    name: 'heartline_certificate_expiry_seconds',
    help: 'Until the certificate in use expires; below 0 if it has.',
    labelNames: ['subject'],
    aggregator: 'min', // workers of a balancer have the same
    registers,
    collect() {
      this.reset()
      if (current) this.set({ subject: current.subject }, (Date.parse(current.validTo) - Date.now()) / 1_000)
    },
  })
  return (pair) => {
    current = pair
  }
}
