/** Ports for brokers: free ones, and a clear word about one that is taken. */
import { createServer, type Server } from 'node:net'
import { ComposeError } from '../errors.ts'

/** `count` different ports that are free now. They are not reserved: whoever uses them must be ready to fail and ask again. */
export async function freePorts(host: string, count: number): Promise<number[]> {
  const servers: Server[] = []
  try {
    // All are held until the last is known, or the system may name one twice.
    for (let index = 0; index < count; index++) servers.push(await listen(host, 0))
    return servers.map((server) => (server.address() as { port: number }).port)
  } finally {
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

/** Rejects with `PORT_IN_USE` or `KAFKA_FAILED` if Kafka could not listen there. */
export async function checkPortFree(host: string, port: number): Promise<void> {
  const server = await listen(host, port).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EADDRINUSE')
      throw new ComposeError('KAFKA_FAILED', `Kafka cannot listen on ${host}:${port}: ${cause.message}`, cause)
    const advice = `stop what listens there, choose another by --port, or use it by --kafka ${host}:${port}`
    throw new ComposeError('PORT_IN_USE', `port ${port} of ${host} is in use: ${advice}`, cause)
  })
  await new Promise((resolve) => server.close(resolve))
}

function listen(host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => resolve(server))
  })
}
