/** Errors outside of a route's own work, as RFC 9457 wants them. */
import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import type { Logger } from 'pino'
import { problem, type RouteResponse } from '../../backend/index.ts'

/** Sends an answer of `problem`. */
export function sendProblem(response: Response, { status = 500, headers = {}, body }: RouteResponse): void {
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(JSON.stringify(body))
}

/** The last route: there is no such thing. */
export const notFound: RequestHandler = (request, response) => {
  sendProblem(response, problem(404, 'Not Found', { detail: `there is no ${request.method} ${request.path}` }))
}

/** What middleware says of a bad request; anything else is our fault and told to the log, not to the client. */
export function errorHandler(log: Logger): ErrorRequestHandler {
  return (error: { status?: unknown; type?: unknown; message?: string }, _request, response, next) => {
    if (response.headersSent) return next(error)
    const status = typeof error.status === 'number' && error.status >= 400 && error.status < 500 ? error.status : 500
    if (status === 500) log.error({ err: error }, 'a request failed')
    const detail = status === 500 ? 'the server failed' : describe(error)
    sendProblem(response, problem(status, STATUS_CODES[status] ?? 'Error', { detail }))
  }
}

function describe({ type, message }: { type?: unknown; message?: string }): string {
  if (type === 'entity.parse.failed') return `the body is not a JSON object: ${message}`
  return message ?? 'the request is malformed'
}
