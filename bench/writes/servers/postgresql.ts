/** The same with PostgreSQL: one statement a request, prepared once per connection. Arguments: URL, synchronous_commit. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { createApp, serve } from './serving.ts'

const [connectionString, synchronousCommit] = process.argv.slice(2) as [string, string]
const table = `bookings_${synchronousCommit}`
const pool = new pg.Pool({ connectionString, max: 20, options: `-c synchronous_commit=${synchronousCommit}` })
await pool.query(`CREATE TABLE ${table} (seat text PRIMARY KEY, holder text NOT NULL, id uuid NOT NULL)`)
for (const [name, wanted] of Object.entries({
  fsync: 'on',
  full_page_writes: 'on',
  synchronous_commit: synchronousCommit,
})) {
  const found = (await pool.query(`SHOW ${name}`)).rows[0][name]
  if (found !== wanted) throw new Error(`${name} is ${found}, not ${wanted}`)
}

const app = createApp()

app.post('/bookings', async (request, response) => {
  const { seat, user } = request.body
  const id = randomUUID()
  const { rowCount } = await pool.query({
    name: 'book',
    text: `INSERT INTO ${table} (seat, holder, id) VALUES ($1, $2, $3) ON CONFLICT (seat) DO NOTHING`,
    values: [seat, user, id],
  })
  if (rowCount === 1) {
    response.status(201).json({ seat, user, id })
    return
  }
  const { rows } = await pool.query({
    name: 'holder',
    text: `SELECT holder FROM ${table} WHERE seat = $1`,
    values: [seat],
  })
  response.status(409).json({ seat, user: rows[0].holder })
})

serve(app, async () => Number((await pool.query(`SELECT count(*) FROM ${table}`)).rows[0].count))
