/** The backend's HTTP server: what balancers ask of every backend, in front of the service's own application. */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { isIdempotent } from '../checkpoint/http-methods.ts'
import { problem, type RouteResponse, type Routes } from '../checkpoint/index.ts'
import { proxyName, sessionsPath } from '../checkpoint/request-headers.ts'
import { pathOf } from '../checkpoint/router.ts'
import { isLoopback } from '../heartbeat-receiver/token.ts'
import { BackendError } from './errors.ts'
import { type HealthSource, serveHealth } from './health-checks.ts'
import { type Metrics, serveMetrics } from './metrics.ts'
import { mayReplay } from './replay-guard.ts'
import type { WarmUp } from './warm-up.ts'

export interface HttpServerOptions {
  readonly host: string
  readonly port: number
  readonly token: string | undefined
}

/** Longer than any balancer keeps an idle connection, so that it is never the backend that closes one being reused, milliseconds. */
const keepAliveTimeoutMs = 75_000

/** Most connections, which are those of balancers; a further one is closed at once. */
const connectionsMax = 20_000

/** What answers before the application is asked. */
export interface InFront {
  readonly routes: Routes
  readonly warmUp: WarmUp
  readonly metrics: Metrics
  readonly health: HealthSource
  readonly token: string | undefined
  readonly log: Logger
}

/** Makes the server; nothing listens yet. */
export function createHttpServer(
  app: RequestListener,
  { routes, warmUp, metrics, health, token, log }: InFront,
): Server {
  const server = createServer({ keepAliveTimeout: keepAliveTimeoutMs, noDelay: true }, (request, response) => {
    if (request.url === sessionsPath && !isForClient(request)) {
      if (request.method === 'POST') return routes.openSession(request, response)
      response.writeHead(204).end() // a sign of life, for a balancer that waits long
      return
    }
    if (isRefusedReplay(app, routes, request)) return refuseReplay(response)
    if (warmUp.take(request, response) || serveMetrics(metrics, token, request, response)) return
    if (serveHealth(health, request, response)) return
    answer(app, request, response, log)
  })
  server.maxConnections = connectionsMax
  return server
}

/** Sessions are the balancer's own; what it sends on for a client says so, whatever else stands between the two. */
function isForClient({ headers }: IncomingMessage): boolean {
  return headers.via?.split(/[\s,]+/).includes(proxyName) ?? false
}

/** An application that fails costs its client a 500, and nobody else anything. Express sees to that itself; a plain handler does not. */
function answer(app: RequestListener, request: IncomingMessage, response: ServerResponse, log: Logger): void {
  const failed = (err: unknown) => {
    log.error({ err, method: request.method }, 'the application failed on a request')
    if (response.headersSent) response.destroy()
    else
      send(
        response,
        problem(500, 'Internal Server Error', { detail: 'the request failed', outcome: 'unknown', key: null }),
      )
  }
  try {
    const done: unknown = app(request, response)
    if (done instanceof Promise) done.catch(failed)
  } catch (error) {
    failed(error)
  }
}

function send(response: ServerResponse, { status = 500, headers, body }: RouteResponse): void {
  response.writeHead(status, headers).end(JSON.stringify(body))
}

/**
 * Starts listening; resolves with the port.
 * @throws BackendError TOKEN_NEEDED, PORT_IN_USE, LISTEN_FAILED.
 */
export async function listen(server: Server, { host, port, token }: HttpServerOptions): Promise<number> {
  if (token === undefined && !isLoopback(host)) {
    throw new BackendError(
      'TOKEN_NEEDED',
      `refusing to listen on ${host} without a token; give --token, or listen on 127.0.0.1`,
    )
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE')
        reject(new BackendError('PORT_IN_USE', `port ${port} on ${host} is in use; choose another with --port`, cause))
      else reject(new BackendError('LISTEN_FAILED', `cannot listen on ${host}:${port}: ${cause.message}`, cause))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

function isRefusedReplay(app: RequestListener, routes: Routes, request: IncomingMessage): boolean {
  const method = request.method ?? ''
  if (isIdempotent(method)) return false
  const replays = routes.note(request)?.replays ?? 0
  if (replays === 0) return false
  return !mayReplay(app, method, pathOf(request.url ?? '/'))
}

function refuseReplay(response: ServerResponse): void {
  const detail = 'the server that had this request died, and this route is not exactly once: it may have run or not'
  send(response, problem(502, 'Bad Gateway', { detail, outcome: 'unknown', key: null }))
}
