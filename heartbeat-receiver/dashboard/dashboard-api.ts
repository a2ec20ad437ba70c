/** The endpoints behind the dashboard: what it shows, and what its buttons do. */
import { randomBytes } from 'node:crypto'
import { json, type Request, type Response, Router } from 'express'
import type { Logger } from 'pino'
import { z } from 'zod'
import { sendProblem } from '../problem.ts'
import { type Drained, type HandedOver, type HandOver, handOverSchema } from '../protocol.ts'
import { isAllowed } from '../token.ts'
import type { Board } from './board.ts'
import type { BoardStream } from './board-stream.ts'
import { type GuardOptions, isGiven, refuseOthers, requireToken } from './guard.ts'
import { askKillHook } from './kill-hook.ts'
import { sessionIn, setCookieOf } from './sessions.ts'

export interface DashboardApiOptions extends GuardOptions {
  /** The page is reached by TLS. */
  readonly secure: boolean
  /** Where POST `{name}` kills a backend; never to be said in a log. */
  readonly killHook: string | undefined
  readonly board: () => Board
  readonly stream: BoardStream
  /** Resolves once it is done, or will not be. */
  readonly handOver: (request: Omit<HandOver, 'type'>) => Promise<HandedOver>
  readonly drain: (name: string, draining: boolean) => Promise<Drained>
  readonly log: Logger
}

const bodyBytesMax = '4kb'
const sessionIdBytes = 32

const name = handOverSchema.shape.to.unwrap()
const bodies = {
  session: z.object({ token: z.string().max(1_024) }),
  handover: handOverSchema.pick({ shard: true, to: true }).partial({ shard: true }),
  drain: z.object({ name, draining: z.boolean() }),
  kill: z.object({ name }),
}

/** Why a handover or a drain was not done, as a status. */
const failureStatus: Readonly<Record<NonNullable<HandedOver['failure']>, number>> = {
  'not-leading': 409,
  'no-active': 409,
  'no-successor': 409,
  'unknown-name': 404,
  'not-ready': 409,
  'timed-out': 504,
}

/** Everything below `/api` passes here first: what comes after it is reached only with the token. */
export function createDashboardApi(options: DashboardApiOptions): Router {
  const router = Router()
  router.use('/api', refuseOthers(options))
  addSession(router, options)
  router.use('/api', requireToken(options))
  router.get('/api/board', (_request, response) => {
    response.setHeader('cache-control', 'no-store')
    response.json(options.board())
  })
  router.get('/api/board/events', (_request, response) => {
    if (!options.stream.serve(response)) sendProblem(response, 503, 'too many clients watch the board')
  })
  addButtons(router, options)
  return router
}

/** Open to all, as it is how a browser shows that it knows the token. */
function addSession(router: Router, options: DashboardApiOptions): void {
  const { token, sessions, sessionCookie, secure, now, log } = options
  router.get('/api/session', ({ headers }, response) => {
    response.setHeader('cache-control', 'no-store')
    response.json({ needed: token !== undefined, given: isGiven(options, headers) })
  })
  router.post('/api/session', json({ limit: bodyBytesMax }), (request, response) => {
    const body = parse(bodies.session, request, response)
    if (!body) return
    if (!isAllowed(token, body.token)) {
      log.warn({ event: 'refused', address: request.socket.remoteAddress, path: request.path }, 'refused: wrong token')
      return sendProblem(response, 401, 'wrong token')
    }
    const id = randomBytes(sessionIdBytes).toString('base64url')
    sessions.open(id, now())
    response.setHeader('set-cookie', setCookieOf(sessionCookie, id, secure))
    response.json({ needed: token !== undefined, given: true })
  })
  router.delete('/api/session', ({ headers }, response) => {
    sessions.end(sessionIn(headers.cookie, sessionCookie))
    response.setHeader('set-cookie', setCookieOf(sessionCookie, null, secure))
    response.json({ needed: token !== undefined, given: token === undefined })
  })
}

function addButtons(router: Router, { handOver, drain, killHook, board, log }: DashboardApiOptions): void {
  const asked = ({ socket }: Request, what: string, more: object) =>
    log.info({ event: 'asked', what, ...more, address: socket.remoteAddress }, `asked for a ${what}`)
  router.post('/api/handover', json({ limit: bodyBytesMax }), async (request, response) => {
    const body = parse(bodies.handover, request, response)
    if (!body) return
    asked(request, 'handover', { to: body.to ?? null })
    const { shard = 0, to } = body
    const result = await handOver({ shard, ...(to === undefined ? {} : { to }) })
    if (result.failure === undefined) response.json(result)
    else sendProblem(response, failureStatus[result.failure], result.reason ?? result.failure, result)
  })
  router.post('/api/drain', json({ limit: bodyBytesMax }), async (request, response) => {
    const body = parse(bodies.drain, request, response)
    if (!body) return
    const { name, draining } = body
    asked(request, draining ? 'drain' : 'drain to end', { backend: name })
    const result = await drain(name, draining)
    if (result.failure === undefined) response.json(result)
    else sendProblem(response, failureStatus[result.failure], result.reason ?? result.failure, result)
  })
  router.post('/api/kill', json({ limit: bodyBytesMax }), async (request, response) => {
    if (killHook === undefined) return sendProblem(response, 404, 'this receiver was started with no kill hook')
    const body = parse(bodies.kill, request, response)
    if (!body) return
    const { name } = body
    if (!board().backends.some((backend) => backend.name === name && backend.alive))
      return sendProblem(response, 404, `no backend that is there is called ${name}`)
    asked(request, 'kill', { backend: name })
    const refusal = await askKillHook(killHook, name)
    if (refusal === null) response.json({ name, killed: true })
    else sendProblem(response, 502, refusal)
  })
}

/** Undefined if it was answered already: the body is not what it must be. */
function parse<Body>(schema: z.ZodType<Body>, request: Request, response: Response): Body | undefined {
  const { data, error } = schema.safeParse(request.body)
  if (!error) return data
  const issue = error.issues[0]
  sendProblem(response, 400, `${issue?.path.join('.') || 'body'}: ${issue?.message}`)
  return undefined
}
