import assert from 'node:assert/strict'
import { test } from 'node:test'
import { caddySettings, haproxySettings, nginxSettings } from './proxy-settings.ts'

const plain = { port: 1, servers: [9_000] }
const failing = { port: 1, servers: [2, 3], silenceMs: 250 }

test('all proxies keep their connections and go to the servers they are given', () => {
  assert.match(nginxSettings('/tmp/x', plain), /server 127\.0\.0\.1:9000;\n {4}keepalive 256;/)
  assert.match(nginxSettings('/tmp/x', plain), /proxy_set_header Connection ""/)
  assert.match(haproxySettings(plain), /nbthread 1\n(?:.*\n)* {2}http-reuse safe\n {2}server s0 127\.0\.0\.1:9000\n$/)
  assert.match(caddySettings(plain), /"max_idle_conns_per_host":256.*"dial":"127\.0\.0\.1:9000"/)
})

test('told to be quick about failures, they repeat POST, or they would only be slower and never wrong', () => {
  assert.match(nginxSettings('/tmp/x', failing), /proxy_next_upstream .*\bnon_idempotent;/)
  assert.match(haproxySettings(failing), /retry-on all-retryable-errors/)
  assert.doesNotMatch(haproxySettings(failing), /disable-l7-retry/)
  assert.match(caddySettings(failing), /"retry_match":\[\{"method":\["GET","POST"\]\}\]/)
})

test('told to repeat no POST, they are as quick with everything else', () => {
  const careful = { ...failing, repeatsPost: false }
  assert.match(nginxSettings('/tmp/x', careful), /proxy_next_upstream error timeout http_502 http_503 http_504;/)
  assert.match(
    haproxySettings(careful),
    /retry-on all-retryable-errors\n(?:.*\n)*.*http-request disable-l7-retry if METH_POST/,
  )
  assert.match(caddySettings(careful), /"retry_match":\[\{"method":\["GET"\]\}\]/)
})

test('not told so, none of them has anything of it', () => {
  assert.doesNotMatch(nginxSettings('/tmp/x', plain), /next_upstream|max_fails|undefined/)
  assert.doesNotMatch(haproxySettings(plain), /retry-on|check|undefined/)
  assert.doesNotMatch(caddySettings(plain), /retr|health|buffer/)
})

test('a server is asked for an answer, as a connection alone is accepted for one that hangs too', () => {
  assert.match(haproxySettings(failing), /option httpchk GET/)
  assert.match(caddySettings(failing), /"active":\{"uri":"\/"/)
})
