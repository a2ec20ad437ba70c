/** Options of the receiver. `meta.flag` is the command-line name where it is not the key in kebab-case. */
import { z } from 'zod'
import { journalOptions, logLevelOption, tokenOption } from '../checkpoint/config.ts'
import { durationMs, port, textList } from '../checkpoint/units.ts'
import { heartbeatMsMax } from './heartbeat-rate.ts'
import { checkTlsOptions, tlsOptions } from './tls-options.ts'
import { isLoopback } from './token.ts'

function isLocalUrl(text: string): boolean {
  const url = URL.parse(text)
  return url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
}

const options = journalOptions.extend({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .meta({ description: 'address to listen on; beyond loopback only with a token' }),
  port: port.default(7070).meta({ description: 'port for WebSockets and HTTP; 0 takes a free one' }),
  name: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,128}$/, 'expected letters, digits and . _ : - only')
    .optional()
    .meta({ description: 'name that survives restarts (default: host name and port)' }),
  // A hang is noticed after two of them: 100 ms keeps that below what a person feels, at 10 small messages a second for each backend.
  heartbeatMs: durationMs
    .refine((value) => value >= 20 && value <= heartbeatMsMax, 'expected from 20ms to 60s')
    .prefault('100ms')
    .meta({
      description: 'how often backends are asked for a heartbeat; a hang is noticed after two',
      flag: 'heartbeat',
    }),
  shards: z.coerce
    .number()
    .int('expected a whole number')
    .refine((value) => value === 1, 'expected 1: this version has one shard')
    .default(1)
    .meta({ description: 'how many shards the state has' }),
  peers: textList
    .refine((urls) => urls.every((url) => /^wss?:$/.test(URL.parse(url)?.protocol ?? '')), {
      error: 'expected URLs of receivers such as ws://10.0.0.2:7070, comma separated',
    })
    .default([])
    .meta({
      description: 'the other receivers, comma separated ws:// or wss:// URLs, by which each is reached directly',
    }),
  token: tokenOption,
  killHook: z
    .string()
    .refine((url) => isLocalUrl(url), 'expected an http:// URL of a loopback address')
    .optional()
    .meta({ description: 'for demonstrations: where POST {name} kills a backend; a loopback URL, kept secret' }),
  ...tlsOptions,
  logLevel: logLevelOption,
})
export const receiverOptions = options.superRefine(checkTlsOptions)
export type ReceiverOptions = z.infer<typeof receiverOptions>
