/** Notes over HTTP, posted and read. In notes-before.ts they are lost with the process; notes-after.ts is the same, made failover-proof. */
import express from 'express'

const { env } = process
const notes = new Map<string, string>()
const app = express().use(express.json())

app.post('/notes', (request, response) => {
  const id = String(notes.size + 1)
  notes.set(id, String(request.body.text))
  response.status(201).json({ id, text: notes.get(id) })
})

app.get('/notes/:id', (request, response) => {
  const { id } = request.params
  response.status(notes.has(id) ? 200 : 404).json({ id, text: notes.get(id) })
})

app.listen(Number(env.PORT ?? 9001), '127.0.0.1')
