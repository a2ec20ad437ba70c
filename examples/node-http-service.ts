/**
 * The service of express-service.ts on plain `node:http`: `router` finds the handler, `checkpoint.route` reads the JSON body.
 * examples/README.md has the commands.
 */
import { createBackend, problem, router } from 'heartline/backend'

const { NAME, PORT, KAFKA, RECEIVERS } = process.env

const backend = createBackend({
  name: NAME, // survives restarts
  port: PORT,
  kafka: KAFKA, // brokers, or file:DIR for the embedded journal
  receivers: RECEIVERS,
  logLevel: 'warn',
})
const { checkpoint } = backend
const seats = checkpoint.map<{ user: string }>('seats')

// A handler is a function from a request to a status and a body. Exactly once: a successor gives the recorded answer.
const book = checkpoint.route(({ params: { id }, body }) => {
  const user: unknown = body?.user
  if (typeof user !== 'string' || user === '') return problem(400, 'Bad Request', { detail: 'user: expected a name' })
  const taken = seats.get(id)
  if (taken) return problem(409, 'Conflict', { detail: `seat ${id} is taken by ${taken.user}` })
  seats.set(id, { user })
  return { status: 201, body: { seat: id, user } }
})

// A linearizable read: it sees every booking that was answered before it was asked.
const show = checkpoint.route(({ params: { id } }) => {
  const found = seats.get(id)
  return found ? { body: { seat: id, ...found } } : problem(404, 'Not Found', { detail: `seat ${id} is free` })
})

const app = router({
  'POST /seats/:id': book,
  'GET /seats/:id': show,
  'GET /health': (_request, response) => void response.end('well\n'), // any handler of node:http
})

const { url } = await backend.start(app)
console.log(`${backend.name} listens on ${url}, process ${process.pid}`)

process.once('SIGTERM', () => void backend.close()) // says goodbye first: another takes over, and no request has to wait
await backend.done
