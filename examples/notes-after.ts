/** Notes over HTTP, posted and read. In notes-before.ts they are lost with the process; notes-after.ts is the same, made failover-proof. */
import express from 'express'
import { createBackend } from 'heartline/backend'

const { env } = process
const backend = createBackend({ name: env.NAME, port: env.PORT, kafka: env.KAFKA, receivers: env.RECEIVERS })
const notes = backend.checkpoint.map<string>('notes')
const app = express().use(express.json())

app.post('/notes', backend.checkpoint.route((request) => {
  const id = String(notes.size + 1)
  notes.set(id, String(request.body.text))
  return { status: 201, body: { id, text: notes.get(id) } }
}))

app.get('/notes/:id', backend.checkpoint.route((request) => {
  const { id } = request.params
  return { status: notes.has(id) ? 200 : 404, body: { id, text: notes.get(id) } }
}))

await backend.start(app)
