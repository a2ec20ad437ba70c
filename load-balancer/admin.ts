/** Health, metrics and administration, on a port of their own. */
import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express'
import { guard, saysJson, sendProblem } from './admin-guard.ts'

/** Largest body of a change, bytes: room for a thousand names. */
const bodyBytesMax = 128 * 1024

/** What came of a change: `message` says in one line why nothing was changed. */
export type Result = { ok: true } | { ok: false; message: string }

/** Where requests go, as people see and change it. */
export interface StrategyControl {
  /** What `GET /strategy` answers. */
  get(): object
  /** Takes the body of `PUT /strategy`, whatever it is. */
  set(body: unknown): Result
}

/** Who is there, as people see and change it. */
export interface MembersControl {
  readonly names: readonly string[]
  /** Takes the body of `POST /add`, whatever it is. */
  add(body: unknown): Result
  /** Takes the body of `DELETE /rm`, whatever it is. */
  remove(body: unknown): Result
}

export interface AdminSources {
  /** True if there is a backend to send to, now or once it can be reached: what waits for it is held. */
  ready: () => boolean
  /** Without one, whoever reaches the port may do everything. */
  token: string | undefined
  strategy: StrategyControl
  members: MembersControl
  metrics: { contentType: string; text(): Promise<string> }
}

/** Health checks are open, as those who ask for them cannot say a token; the rest needs `Authorization: Bearer TOKEN` if there is one. */
export function adminApp({ ready, token, strategy, members, metrics }: AdminSources): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' })
  })
  app.get('/readyz', (_request, response) => {
    const known = ready()
    response.status(known ? 200 : 503).json({ status: known ? 'ready' : 'waiting for a decision' })
  })
  app.use(guard(token))
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text())
  })
  const list = (response: Response) => {
    const replicas = members.names
    response.json({ message: { N: replicas.length, replicas }, status: 'successful' })
  }
  app.get('/rep', (_request, response) => list(response))
  app.get('/strategy', (_request, response) => void response.json(strategy.get()))
  const body: RequestHandler[] = [requireJson, express.json({ limit: bodyBytesMax })]
  app.post('/add', body, (request: Request, response: Response) => {
    if (succeeded(members.add(request.body), response)) list(response)
  })
  app.delete('/rm', body, (request: Request, response: Response) => {
    if (succeeded(members.remove(request.body), response)) list(response)
  })
  app.put('/strategy', body, (request: Request, response: Response) => {
    if (succeeded(strategy.set(request.body), response)) response.json(strategy.get())
  })
  app.use((_request, response) => sendProblem(response, 404, 'There is nothing here'))
  app.use(sendError)
  return app
}

const requireJson: RequestHandler = (request, response, next) => {
  if (saysJson(request)) return next()
  sendFailure(response, 415, 'Expected a body with Content-Type: application/json')
}

function succeeded(result: Result, response: Response): boolean {
  if (!result.ok) sendFailure(response, 400, result.message)
  return result.ok
}

function sendFailure(response: Response, status: number, reason: string): void {
  const message = reason.startsWith('<Error> ') ? reason : `<Error> ${reason}`
  response.status(status).json({ message, status: 'failure' })
}

/** What express.json could not read is the sender's fault, anything else is ours. */
function sendError(
  error: Error & { status?: number; type?: string },
  _request: Request,
  response: Response,
  next: NextFunction,
) {
  if (response.headersSent) return next(error)
  if (error.status === undefined) return sendProblem(response, 500, 'internal error')
  const reasons: Record<string, string> = {
    'entity.parse.failed': 'The body is not JSON',
    'entity.too.large': `The body is larger than ${bodyBytesMax} bytes`,
  }
  sendFailure(response, error.status, reasons[error.type ?? ''] ?? error.message)
}
