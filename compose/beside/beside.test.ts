/** The settings for HAProxy and nginx against the code. What they do is tried with the real programs by `npm run test:beside`. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { healthzPath } from '../../backend/health-checks.ts'
import { metricsPath } from '../../backend/metrics.ts'
import {
  activeHeader,
  backendHeader,
  readsHeader,
  refusedHeader,
  requestHeader,
  sessionsPath,
  tokenHeader,
} from '../../checkpoint/request-headers.ts'
import { choosePlaces } from '../cluster-places.ts'
import { upOptions } from '../up.ts'

const read = (name: string) => readFile(join(import.meta.dirname, name), 'utf8')
const files = { 'haproxy.cfg': await read('haproxy.cfg'), 'nginx.conf': await read('nginx.conf') }

/** Where `up --receivers 2` has each process listen, by its name. */
async function places(): Promise<Map<string, string>> {
  const { receiverPort, port, adminPort, backendPort, backends } = upOptions.parse({})
  const ports = { kafka: 0, receiver: receiverPort, balancer: port, admin: adminPort, backend: backendPort }
  const chosen = await choosePlaces({ backends, receivers: 2, ports })
  const portIn = (args: string[]) => args[args.indexOf('--port') + 1]
  const found = [
    ...chosen.names.receivers.map((name) => [name, portIn(chosen.receiverArgs(name))] as const),
    ...chosen.names.backends.map((name) => [name, portIn(chosen.backendArgs(name))] as const),
  ]
  return new Map(found.map(([name, own]) => [name, `127.0.0.1:${own}`]))
}

test('they name the processes that `up --receivers 2` starts, at their ports, and no others', async () => {
  const known = await places()
  const servers = new Map(
    [...files['haproxy.cfg'].matchAll(/^ {2}server (\S+) (\S+)/gm)].map(([, name, place]) => [name!, place!]),
  )
  assert.deepEqual(servers, known)
  const upstreams = [...files['nginx.conf'].matchAll(/upstream (\S+) \{([^}]*)\}/g)].map(([, name, body]) => ({
    name: name!,
    places: [...body!.matchAll(/server (\S+) /g)].map(([, place]) => place!),
  }))
  for (const { name, places: found } of upstreams) {
    if (name === 'receivers') assert.deepEqual(found, [known.get('receiver-1'), known.get('receiver-2')])
    else assert.deepEqual(found, [known.get(name)], 'an upstream is called like its backend')
  }
  assert.equal(upstreams.length, known.size - 1)
})

test('they ask who is active where receivers say it', () => {
  assert.match(files['haproxy.cfg'], /uri-lf "\/active\?name=%\[srv_name\]"/)
  assert.match(files['nginx.conf'], /proxy_pass http:\/\/receivers\/active;/)
  const variable = `$upstream_http_${backendHeader.replaceAll('-', '_')}`
  assert.ok(files['nginx.conf'].includes(`auth_request_set $active ${variable};`))
})

test('they keep from clients what balancers and backends say to one another', () => {
  const ours = '/.heartline/'
  for (const path of [sessionsPath, metricsPath, healthzPath]) assert.ok(path.startsWith(ours))
  assert.ok(files['haproxy.cfg'].includes(`deny deny_status 404 if { path_beg ${ours} }`))
  assert.ok(files['nginx.conf'].includes(`location ${ours} {\n      return 404;`))
  assert.match(files['haproxy.cfg'], /http-request del-header x-heartline- -m beg/)
  for (const header of [requestHeader, tokenHeader, readsHeader]) {
    assert.ok(header.startsWith('x-heartline-'))
    assert.match(files['nginx.conf'], new RegExp(`proxy_set_header ${header} "";`, 'i'))
  }
  for (const header of [refusedHeader, activeHeader]) {
    assert.match(files['haproxy.cfg'], new RegExp(`http-response del-header ${header}\\n`))
    assert.match(files['nginx.conf'], new RegExp(`proxy_hide_header ${header};`, 'i'))
  }
})

test('they listen on loopback only, on ports that `up` leaves free', async () => {
  const own = [
    ...Object.values(files)
      .join('\n')
      .matchAll(/^\s*(?:bind|listen) (\d\S+?);?$/gm),
  ].map(([, place]) => place!)
  assert.equal(own.length, 3)
  const { port, adminPort } = upOptions.parse({})
  const taken = [...(await places()).values(), `127.0.0.1:${port}`, `127.0.0.1:${adminPort}`]
  for (const place of own) {
    assert.match(place, /^127\.0\.0\.1:\d+$/)
    assert.ok(!taken.includes(place), place)
  }
})
