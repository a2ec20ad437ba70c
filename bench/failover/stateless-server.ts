/**
 * A stateless server behind a peer's proxy. Every POST is noted in a file before it is answered: with the operating system at once,
 * so that a kill loses no note, and a request that ran twice is found. Arguments: port, file.
 */
import { openSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'

const [port, path] = process.argv.slice(2) as [string, string]
const file = openSync(path, 'a')
process.on('disconnect', () => process.exit())

const server = createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
  if (request.method === 'POST') writeSync(file, `${JSON.parse(await text(request)).id}\n`)
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"done":true}')
})
server.listen(Number(port), '127.0.0.1', () => process.send?.('listening'))
