/**
 * A service with Express whose state survives its server: seats, and who booked them. examples/README.md has the commands.
 * Run two or more of it, a receiver that decides which of them serves, and a balancer that sends requests there.
 */
import express from 'express'
import { createBackend, problem } from 'heartline/backend'

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

const app = express().use(express.json())

// Exactly once: when the server dies after this ran, the next one gives the recorded answer and does not run it again.
app.post(
  '/seats/:id',
  checkpoint.route(({ params, body }) => {
    const { id } = params
    const user: unknown = body?.user
    if (typeof user !== 'string' || user === '') return problem(400, 'Bad Request', { detail: 'user: expected a name' })
    const taken = seats.get(id)
    if (taken) return problem(409, 'Conflict', { detail: `seat ${id} is taken by ${taken.user}` })
    seats.set(id, { user })
    return { status: 201, body: { seat: id, user } }
  }),
)

// A linearizable read: it sees every booking that was answered before it was asked.
app.get(
  '/seats/:id',
  checkpoint.route(({ params: { id } }) => {
    const found = seats.get(id)
    return found ? { body: { seat: id, ...found } } : problem(404, 'Not Found', { detail: `seat ${id} is free` })
  }),
)

const { url } = await backend.start(app)
console.log(`${backend.name} listens on ${url}, process ${process.pid}`)

process.once('SIGTERM', () => void backend.close()) // says goodbye first: another takes over, and no request has to wait
await backend.done
