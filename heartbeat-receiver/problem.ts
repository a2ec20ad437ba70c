/** What is said of a request that is not done: problem details (RFC 9457). */
import type { Response } from 'express'

export function sendProblem(response: Response, status: number, title: string, more: object = {}): void {
  response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status, ...more }))
}
