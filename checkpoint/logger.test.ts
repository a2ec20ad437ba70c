import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { redactedPaths } from './logger.ts'

test('no secret reaches the log, wherever it stands', () => {
  const lines: string[] = []
  const log = pino(
    { redact: { paths: redactedPaths, censor: '[redacted]' } },
    { write: (line: string) => lines.push(line) },
  )
  log.info({ token: 'hush', options: { token: 'hush' } })
  log.info({ headers: { authorization: 'hush', 'x-heartline-token': 'hush' } })
  log.info({ request: { headers: { authorization: 'hush', 'x-heartline-token': 'hush', 'idempotency-key': 'hush' } } })
  assert.equal(lines.length, 3)
  for (const line of lines) assert.doesNotMatch(line, /hush/)
})
