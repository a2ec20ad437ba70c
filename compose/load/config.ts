/** Options of the test client. */
import { z } from 'zod'
import { durationMs, flag } from '../../checkpoint/units.ts'

export const loadOptions = z.object({
  target: z
    .url({ protocol: /^https?$/, error: 'expected a URL such as http://127.0.0.1:8080' })
    .default('http://127.0.0.1:8080')
    .meta({ description: 'base URL of the balancer (or of any server with the ticket office behind it)' }),
  rate: z.coerce
    .number('expected requests per second')
    .positive()
    .max(100_000)
    .default(1_600)
    .meta({ description: 'requests per second, sent at fixed times whether or not answers come' }),
  clients: z.coerce
    .number('expected a number of connections')
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .meta({ description: 'keep-alive connections, each with one request at a time' }),
  durationMs: durationMs.prefault('10s').meta({ description: 'how long to send', flag: 'duration' }),
  writeRatio: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .meta({ description: 'share of requests that write, 0 to 1' }),
  seed: z.coerce
    .number('expected a whole number')
    .int()
    .min(0)
    .max(0xffff_ffff)
    .default(1)
    .meta({ description: 'the same seed sends the same mix' }),
  keys: flag.default(false).meta({ description: 'send an Idempotency-Key with each write' }),
  timeoutMs: durationMs
    .prefault('30s')
    .meta({ description: 'how long an answer may take; longer than the balancer holds a request', flag: 'timeout' }),
  json: flag.default(false).meta({ description: 'print the report as JSON, as the last line' }),
})
export type LoadOptions = z.infer<typeof loadOptions>
