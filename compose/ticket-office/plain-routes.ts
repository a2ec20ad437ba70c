/** Routes without shared state: each server answers for itself. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Express, Request, Response } from 'express'
import { z } from 'zod'
import { problem } from '../../backend/index.ts'
import { badRequest } from './checked.ts'
import { sendProblem } from './problems.ts'
import { fetchUpstream } from './upstream.ts'

const delayMinMs = 100
const delayMaxMs = 500
/** Longest simulated delay that can be asked for, milliseconds. */
const delayAskedMaxMs = 60_000

export interface PlainRouteOptions {
  name: string
  upstream?: string | undefined
}

export function addPlainRoutes(app: Express, { name, upstream }: PlainRouteOptions): void {
  let healthy = true

  app.get('/home', (_request, response) => void response.type('text/plain').send(`Hello from ${name}`))
  app.get('/heartbeat', (_request, response) => void response.status(200).end())

  app.get('/health', (_request, response) => sendHealth(response, name, healthy))
  app.post('/toggle-health', (_request, response) => {
    healthy = !healthy
    response.json({ server: name, healthy })
  })

  const query = z.object({ ms: z.coerce.number().int().min(0).max(delayAskedMaxMs).optional() })
  const work = async (request: Request, response: Response) => {
    const asked = query.safeParse(request.query)
    if (!asked.success) return sendProblem(response, badRequest(asked.error))
    const ms = asked.data.ms ?? delayMinMs + Math.floor(Math.random() * (delayMaxMs - delayMinMs + 1))
    await delay(ms)
    response.json({ server: name, ms })
  }
  app.get('/process', work)
  app.post('/process', work)

  app.get('/upstream', async (_request, response) => {
    if (upstream === undefined)
      return sendProblem(response, problem(404, 'Not Found', { detail: 'no --upstream is configured' }))
    const answer = await fetchUpstream(upstream)
    if (answer.type === 'unreachable')
      return sendProblem(response, problem(502, 'Bad Gateway', { detail: answer.reason, outcome: 'not applied' }))
    response.status(answer.status).type(answer.contentType).send(answer.body)
  })
}

function sendHealth(response: Response, name: string, healthy: boolean): void {
  if (healthy) response.json({ server: name, healthy })
  else
    sendProblem(
      response,
      problem(503, 'Service Unavailable', { detail: `${name} is set to unhealthy`, outcome: 'not applied' }),
    )
}
