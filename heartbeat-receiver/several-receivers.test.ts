/** Several receivers over one journal of decisions, with real sockets. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { createMemoryLog } from '../checkpoint/index.ts'
import type { LogLine } from './captured-log.ts'
import { startTestReceiver, type TestReceiver } from './test-receiver.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5))
}

const said = ({ lines }: TestReceiver, event: string): LogLine[] => lines.filter((line) => line.event === event)
const leads = (receiver: TestReceiver) => said(receiver, 'authorized').length > said(receiver, 'deauthorized').length

/** Two receivers that know each other. The first leads. */
async function startTwo(t: TestContext) {
  const journal = createMemoryLog()
  const ports = [await freePort(), await freePort()] as const
  const [one, other] = ports.map((port) => `ws://127.0.0.1:${port}`) as [string, string]
  const first = await startTestReceiver(t, { journal, port: ports[0], name: 'r1', peers: [other] })
  await until(() => leads(first))
  const second = await startTestReceiver(t, { journal, port: ports[1], name: 'r2', peers: [one] })
  await until(() => said(second, 'follows').length > 0)
  return { journal, first, second }
}

describe('several receivers', () => {
  it('one leads, the other follows and says who; when the one stops, the other leads at once', async (t) => {
    const { first, second } = await startTwo(t)
    assert.ok(leads(first) && !leads(second))
    assert.match(said(second, 'follows')[0]!.msg, /r1/)
    await first.stop()
    await until(() => leads(second))
    assert.match(said(second, 'authorized')[0]!.msg, /this receiver leads: r1 is gone: a connection was refused/)
  })
})
