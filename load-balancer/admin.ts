/** Health, metrics and administration, on a port of their own. */
import express, { type Express } from 'express'

export interface AdminSources {
  /** True if an active is known. */
  ready: () => boolean
  strategy: string
  metrics: { contentType: string; text(): Promise<string> }
}

export function adminApp({ ready, strategy, metrics }: AdminSources): Express {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' })
  })
  app.get('/readyz', (_request, response) => {
    const known = ready()
    response.status(known ? 200 : 503).json({ status: known ? 'ready' : 'waiting for a decision' })
  })
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.text())
  })
  app.get('/strategy', (_request, response) => {
    response.json({ strategy })
  })
  app.use((_request, response) => {
    const problem = { type: 'about:blank', title: 'There is nothing here', status: 404 }
    response.status(404).type('application/problem+json').send(JSON.stringify(problem))
  })
  return app
}
