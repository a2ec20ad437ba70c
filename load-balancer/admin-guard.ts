/** Who may use the admin port: whoever knows the token, and without one this machine; never a web page in somebody's browser. */
import type { NextFunction, Request, Response } from 'express'
import { bearerToken, isAllowed, isLoopback } from '../heartbeat-receiver/token.ts'

/** Answers 401 without the token, and, where there is none, 403 if the request was not addressed to this machine by name. */
export function guard(token: string | undefined) {
  return (request: Request, response: Response, next: NextFunction): void => {
    if (!isAllowed(token, bearerToken(request.headers.authorization))) {
      response.setHeader('www-authenticate', 'Bearer')
      return sendProblem(response, 401, 'wrong or missing token')
    }
    // A page whose name was made to point here ("DNS rebinding") is of our own origin, but says its own name.
    if (token === undefined && !isLoopback(hostOf(request))) return sendProblem(response, 403, 'wrong host')
    next()
  }
}

/**
 * True if a change says that it is JSON. A browser sends that for a page of another origin only if we agree first, and we never do;
 * forms and plain scripts cannot send it at all.
 */
export function saysJson(request: Request): boolean {
  return request.is('application/json') !== false && request.headers['content-type'] !== undefined
}

export function sendProblem(response: Response, status: number, title: string): void {
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status }))
}

function hostOf(request: Request): string {
  const host = request.headers.host ?? ''
  return host.startsWith('[') ? host.slice(1).replace(/\].*$/, '') : host.replace(/:\d*$/, '')
}
