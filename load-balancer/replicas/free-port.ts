/** A TCP port that nobody has. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** `preferred` if it is free, so that a replacement is found where its forerunner was; else any. */
export async function freePort(preferred = 0): Promise<number> {
  const server = createServer()
  try {
    server.listen(preferred)
    await once(server, 'listening')
  } catch (error) {
    if (preferred === 0) throw error
    return freePort()
  }
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
