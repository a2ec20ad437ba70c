/**
 * A stateless server behind a peer's proxy. Every POST is noted in a file before it is answered: with the operating system at once,
 * so that a kill loses no note, and a request that ran twice is found. Arguments: port, file.
 */
import { openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

const [port, path] = process.argv.slice(2) as [string, string]
const file = openSync(path, 'a')
process.on('disconnect', () => process.exit())

const server = createServer({ keepAliveTimeout: 75_000 }, async (request, response) => {
  const whole = request.method !== 'POST' || (await note(request))
  // A proxy may repeat a request with less of its body than it had: that is an error that the client sees.
  response.writeHead(whole ? 200 : 400, { 'content-type': 'application/json' }).end('{"done":true}')
})
server.listen(Number(port), '127.0.0.1', () => process.send?.('listening'))

/** False if the body did not come as it was sent. */
async function note(request: IncomingMessage): Promise<boolean> {
  try {
    const { id } = JSON.parse(await text(request))
    writeSync(file, `${id}\n`)
    return true
  } catch {
    return false
  }
}
