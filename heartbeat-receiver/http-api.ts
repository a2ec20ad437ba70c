/** The HTTP side of the receiver, for people, scripts and outside balancers. */
import express, { type Express, type NextFunction, type Request, type Response, type Router } from 'express'
import { backendHeader } from '../checkpoint/request-headers.ts'
import { pageRouter } from './dashboard/page-router.ts'
import type { EventStream } from './event-stream.ts'
import type { Metrics } from './metrics.ts'
import { sendProblem } from './problem.ts'
import type { BackendView, Decision } from './protocol.ts'
import { bearerToken, isAllowed } from './token.ts'

export interface HttpApiOptions {
  readonly token: string | undefined
  readonly metrics: Metrics
  readonly events: EventStream
  readonly backends: () => BackendView[]
  readonly decisions: () => readonly Decision[]
  /** The decision whose backend can be dialled. */
  readonly serving: () => Decision | null
  /** Why this receiver cannot decide yet; null if it can. */
  readonly notReady: () => string | null
  /** Whether this receiver is the one that decides. */
  readonly leads: () => boolean
  /** The endpoints behind the dashboard, and the guard of all of `/api`. */
  readonly dashboard: Router
}

/** Health checks and `/active` are open, as those who ask for them cannot say a token; the rest needs it, if there is one, as `dashboard/guard.ts` has it. */
export function createHttpApi(options: HttpApiOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }))
  app.get('/readyz', (_request, response) => {
    const reason = options.notReady()
    if (reason === null) response.json({ status: 'ready', leads: options.leads() })
    else sendProblem(response, 503, reason, { leads: options.leads() })
  })
  app.use(pageRouter())
  app.get('/active', (request, response) => sendActive(options.serving(), request, response))
  app.use(options.dashboard) // from here on `/api` needs the token
  app.use('/metrics', (request, response, next) => {
    if (isAllowed(options.token, bearerToken(request.headers.authorization))) return next()
    response.setHeader('www-authenticate', 'Bearer')
    sendProblem(response, 401, 'wrong or missing token')
  })
  app.get('/api/backends', (_request, response) => void response.json(options.backends()))
  app.get('/api/decisions', (_request, response) => void response.json(options.decisions()))
  app.get('/api/events', (request, response) => {
    if (!options.events.serve(request, response)) sendProblem(response, 503, 'too many clients follow the events')
  })
  app.get('/metrics', async (_request, response) => {
    response.type(options.metrics.registry.contentType).send(await options.metrics.registry.metrics())
  })
  app.use((_request, response) => sendProblem(response, 404, 'no such page'))
  app.use((error: Error & { status?: number }, _request: Request, response: Response, next: NextFunction) => {
    if (response.headersSent) next(error)
    else sendProblem(response, error.status ?? 500, error.status === undefined ? 'internal error' : error.message)
  })
  return app
}

/** With `?name=` it answers whether that backend is the active: an outside balancer's health check. */
function sendActive(decision: Decision | null, request: Request, response: Response): void {
  const { name } = request.query
  response.setHeader('cache-control', 'no-store')
  if (!decision) sendProblem(response, 503, 'no backend is active')
  else if (name !== undefined && name !== decision.name) sendProblem(response, 503, `${decision.name} is active`)
  else {
    response.setHeader(backendHeader, decision.name) // for what can read a header and no JSON, such as nginx
    response.json({ name: decision.name, url: decision.url, epoch: decision.epoch })
  }
}
