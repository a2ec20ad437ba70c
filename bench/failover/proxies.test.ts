import assert from 'node:assert/strict'
import { test } from 'node:test'
import { haproxySettings, nginxSettings } from './proxies.ts'

test('the proxies are told to repeat POST, or they would only be slower and never wrong', () => {
  assert.match(nginxSettings('/tmp/x', 1, [2, 3]), /proxy_next_upstream .*\bnon_idempotent;/)
  const haproxy = haproxySettings(1, [2, 3])
  assert.match(haproxy, /retry-on all-retryable-errors/)
  assert.doesNotMatch(haproxy, /disable-l7-retry/)
})

test('HAProxy asks a server for an answer, as a connection alone is accepted for one that hangs too', () => {
  assert.match(haproxySettings(1, [2, 3]), /option httpchk GET/)
})
