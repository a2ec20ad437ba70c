/** The demo service: a ticket office, written as any author of a service would, on nothing but the backend library. */
import { randomUUID } from 'node:crypto'
import express, { type Express } from 'express'
import type { Logger } from 'pino'
import type { Backend } from '../../backend/index.ts'
import { officeRoutes } from './office-routes.ts'
import { addPlainRoutes } from './plain-routes.ts'
import { errorHandler, notFound } from './problems.ts'

export interface TicketOfficeSettings {
  /** Name of this server, as `/home` says it. */
  name: string
  /** URL of which `/upstream` passes on the answer. */
  upstream?: string | undefined
  log: Logger
}

const bodyBytesMax = 64 * 1024

export function ticketOffice(
  { checkpoint }: Pick<Backend, 'checkpoint'>,
  { name, upstream, log }: TicketOfficeSettings,
): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  // Whatever its content type says: a body is JSON or an error, never silently ignored.
  app.use(express.json({ limit: bodyBytesMax, type: () => true }))
  for (const [route, handler] of Object.entries(officeRoutes(checkpoint, randomUUID))) {
    const [method = '', path = ''] = route.split(' ')
    app[method.toLowerCase() as 'get'](path, checkpoint.route(handler))
  }
  addPlainRoutes(app, { name, upstream })
  app.use(notFound)
  app.use(errorHandler(log))
  return app
}
