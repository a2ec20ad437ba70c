/** Options of the test client. */
import { z } from 'zod'
import { durationMs, flag, textList } from '../../checkpoint/units.ts'
import { httpMethods } from './http-operations.ts'
import type { LoadSettings } from './load.ts'

function isHttp(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '')
}

/** Each by itself; {@link loadOptions} adds what holds between them. */
export const loadFields = z.object({
  target: textList
    .refine((urls) => urls.length > 0 && urls.every(isHttp), 'expected URLs such as http://127.0.0.1:8080')
    .prefault('http://127.0.0.1:8080')
    .meta({
      description:
        'base URL of the balancer (or of any server with the ticket office behind it); of several, comma separated, one that refuses connections is left for the next',
    }),
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
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]*$/, 'expected a path such as /home, percent-encoded')
    .optional()
    .meta({ description: "sends this to any server instead of the ticket office's checked mix: 2xx is good" }),
  method: z.enum(httpMethods).optional().meta({ description: 'its method; GET, or POST with a body' }),
  body: z.string().optional().meta({ description: 'its body; declared as JSON if it is' }),
  keyHeader: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'expected the name of a header')
    .optional()
    .meta({ description: 'a header of it with one of many values, drawn anew for each request' }),
  keyCount: z.coerce
    .number('expected a whole number')
    .int()
    .min(1)
    .max(1_000_000)
    .default(1_000)
    .meta({ description: 'how many values that header has' }),
  keySkew: z.coerce
    .number('expected a number')
    .min(0)
    .max(10)
    .default(0)
    .meta({ description: 'how much more popular some values are: exponent of a Zipf distribution, 0 for all alike' }),
  keys: flag.default(false).meta({ description: 'send an Idempotency-Key with each write' }),
  timeoutMs: durationMs
    .prefault('30s')
    .meta({ description: 'how long an answer may take; longer than the balancer holds a request', flag: 'timeout' }),
  report: z
    .string()
    .regex(/\.(html|svg)$/, 'expected a file that ends in .html or .svg')
    .optional()
    .meta({ description: 'writes what happened over time: a page that works offline, or a plot' }),
  json: flag.default(false).meta({ description: 'print the report as JSON, as the last line' }),
})
export type LoadOptions = z.infer<typeof loadFields>

export const loadOptions = loadFields.superRefine((options, context) => {
  for (const name of ['method', 'body', 'keyHeader'] as const)
    if (options.path === undefined && options[name] !== undefined)
      context.addIssue({ code: 'custom', path: [name], message: 'goes with --path only' })
})

/** The settings of a load that the options describe. */
export function settingsOf({
  path,
  method,
  body,
  keyHeader,
  keyCount,
  keySkew,
  ...settings
}: LoadOptions): LoadSettings {
  if (path === undefined) return settings
  const chosen = method ?? (body === undefined ? 'GET' : 'POST')
  return { ...settings, request: { path, method: chosen, body, keyHeader, keyCount, keySkew } }
}
