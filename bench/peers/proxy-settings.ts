/** What nginx, HAProxy and Caddy are told: one processor, connections kept on both sides, no access log. Pure text. */

export interface ProxySettings {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number
  /** Ports of the servers behind it. */
  readonly servers: readonly number[]
  /**
   * Given, everything is told to be quick about failures: a request goes to another server when its own fails or is silent for so long,
   * milliseconds. That matters when a server hangs; a death is seen at once.
   */
  readonly silenceMs?: number | undefined
  /** Whether that holds for POST too, which may then run twice; default true. */
  readonly repeatsPost?: boolean
}

/** `non_idempotent` is what makes it repeat POST. A failed server is left alone for a second. */
export function nginxSettings(
  directory: string,
  { port, servers, silenceMs, repeatsPost = true }: ProxySettings,
): string {
  const failing = silenceMs === undefined ? '' : ' max_fails=1 fail_timeout=1s'
  const upstreams = servers.map((server) => `    server 127.0.0.1:${server}${failing};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const retrying = [
    `proxy_connect_timeout ${silenceMs}ms;`,
    `proxy_read_timeout ${silenceMs}ms;`,
    `proxy_next_upstream error timeout http_502 http_503 http_504${repeatsPost ? ' non_idempotent' : ''};`,
    'proxy_next_upstream_tries 3;',
  ]
  return `daemon off;
worker_processes 1;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
${temporary.map((kind) => `  ${kind}_temp_path ${directory}/${kind};`).join('\n')}
  upstream servers {
${upstreams.join('\n')}
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_requests 1000000000;
    location / {
      proxy_pass http://servers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
${silenceMs === undefined ? '' : `${retrying.map((line) => `      ${line}`).join('\n')}\n`}    }
  }
}
`
}

/**
 * `all-retryable-errors` repeats POST too, unless it is told not to; `observe layer7` marks a server down at its first failed request, and
 * the check asks for an answer: the system goes on accepting connections for a process that hangs.
 */
export function haproxySettings({ port, servers, silenceMs, repeatsPost = true }: ProxySettings): string {
  const quick = 'check inter 100ms fastinter 50ms fall 1 rise 1 observe layer7 error-limit 1 on-error mark-down'
  const check = silenceMs === undefined ? '' : ` ${quick} on-marked-down shutdown-sessions`
  const retrying = [
    `timeout check ${silenceMs}ms`,
    'retries 3',
    'option redispatch 1',
    'option http-buffer-request',
    'retry-on all-retryable-errors',
  ]
  const lines = [
    'global',
    '  nbthread 1',
    '  maxconn 4096',
    'defaults',
    '  mode http',
    '  timeout client 60s',
    `  timeout connect ${silenceMs ?? 5_000}ms`,
    `  timeout server ${silenceMs ?? 60_000}ms`,
    '  timeout http-keep-alive 60s',
    ...(silenceMs === undefined ? [] : retrying.map((line) => `  ${line}`)),
    'frontend clients',
    `  bind 127.0.0.1:${port} backlog 4096`,
    '  default_backend servers',
    'backend servers',
    '  balance roundrobin',
    ...(silenceMs === undefined ? [] : ['  option httpchk GET /']),
    ...(silenceMs === undefined || repeatsPost ? [] : ['  http-request disable-l7-retry if METH_POST']),
    '  http-reuse safe',
    ...servers.map((server, index) => `  server s${index} 127.0.0.1:${server}${check}`),
  ]
  return `${lines.join('\n')}\n`
}

/**
 * `retry_match` makes it repeat POST too; but before caddyserver/caddy#7360 (2025) one whose body was sent already fails all the same, and with
 * `buffer_requests` it is repeated with a part of its body. Checks that ask for an answer find a failed server: told to watch the requests
 * themselves (`passive`), Caddy takes such a POST for a failure of the living server too, and is left with none for a second.
 */
export function caddySettings({ port, servers, silenceMs, repeatsPost = true }: ProxySettings): string {
  const keepAlive = { max_idle_conns: 256, max_idle_conns_per_host: 256 }
  const limit = silenceMs === undefined ? undefined : `${silenceMs}ms`
  const timeouts = limit === undefined ? {} : { dial_timeout: limit, response_header_timeout: limit }
  const retrying = {
    load_balancing: {
      selection_policy: { policy: 'round_robin' },
      try_duration: '5s',
      try_interval: '5ms',
      retry_match: [{ method: repeatsPost ? ['GET', 'POST'] : ['GET'] }],
    },
    health_checks: { active: { uri: '/', interval: '100ms', timeout: limit } },
  }
  const handler = {
    handler: 'reverse_proxy',
    transport: { protocol: 'http', keep_alive: keepAlive, ...timeouts },
    upstreams: servers.map((server) => ({ dial: `127.0.0.1:${server}` })),
    ...(limit === undefined ? {} : retrying),
  }
  const server = {
    listen: [`127.0.0.1:${port}`],
    automatic_https: { disable: true },
    routes: [{ handle: [handler] }],
  }
  return JSON.stringify({
    admin: { disabled: true },
    logging: { logs: { default: { level: 'ERROR' } } },
    apps: { http: { servers: { proxy: server } } },
  })
}
