/** Who may come to `/api`: whoever knows the token, or a browser that gave it; and whose page asks. */
import type { IncomingHttpHeaders } from 'node:http'
import type { RequestHandler } from 'express'
import { sendProblem } from '../problem.ts'
import { bearerToken, isAllowed } from '../token.ts'
import { isOwn, namesLoopback } from './request-origin.ts'
import { type Sessions, sessionIn } from './sessions.ts'

export interface GuardOptions {
  readonly token: string | undefined
  readonly sessions: Sessions
  /** What this receiver's cookie is called. */
  readonly sessionCookie: string
  /** Monotonic milliseconds. */
  readonly now: () => number
}

/** True if a request has the token, or a session that was given for it. */
export function isGiven(options: GuardOptions, { authorization, cookie }: IncomingHttpHeaders): boolean {
  const { token, sessions, sessionCookie, now } = options
  return isAllowed(token, bearerToken(authorization)) || sessions.isOpen(sessionIn(cookie, sessionCookie), now())
}

/** Before anything of `/api`: what pages of other sites make a browser send is refused. */
export function refuseOthers({ token }: Pick<GuardOptions, 'token'>): RequestHandler {
  return ({ method, headers }, response, next) => {
    const { host, origin } = headers
    // With a token a page would have to know it; without one, a browser on this machine must not be led here under another name.
    if (token === undefined && !namesLoopback(host))
      return sendProblem(response, 403, 'without a token this receiver is reached by a loopback address only')
    if (method === 'GET' || method === 'HEAD') return next()
    if (!isOwn({ host, origin, site: headers['sec-fetch-site'] as string | undefined }))
      return sendProblem(response, 403, 'a page of another site may not do that')
    if (method === 'POST' && !/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? ''))
      return sendProblem(response, 415, 'expected content-type: application/json')
    next()
  }
}

/** The rest of `/api`. */
export function requireToken(options: GuardOptions): RequestHandler {
  return ({ headers }, response, next) => {
    if (isGiven(options, headers)) return next()
    response.setHeader('www-authenticate', 'Bearer')
    sendProblem(response, 401, 'wrong or missing token')
  }
}
