import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { healthzPath, readyzPath } from '../backend/health-checks.ts'
import { deadUrl } from '../heartbeat-receiver/test-receiver.ts'
import { healthOptions } from './health.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

/** Runs the command; its exit code, and what it said in one line. */
function health(...args: string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'health', ...args], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), said: `${stdout}${stderr}` }),
    )
  })
}

async function serve(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const withStatus =
  (status: number): RequestListener =>
  (_request, response) =>
    void response.writeHead(status).end()

test('whoever listens must be ready; where nobody listens nothing is missing', async (t) => {
  const ready = await serve(t, withStatus(200))
  const absent = (await deadUrl()).replace(/^ws/, 'http')
  assert.deepEqual(await health('--at', `${absent},${ready}`), { code: 0, said: `ready: ${ready}\n` })
  const starting = await serve(t, withStatus(503))
  const failed = await health('--at', `${ready},${starting}`)
  assert.deepEqual(failed, { code: 1, said: `heartline health: ${starting} answers 503\n` })
})

test('it is a failure when nobody listens at all, or when somebody does not answer in time', async (t) => {
  const absent = (await deadUrl()).replace(/^ws/, 'http')
  assert.deepEqual(await health('--at', absent), { code: 1, said: `heartline health: nobody listens at ${absent}\n` })
  const hanging = await serve(t, () => undefined)
  const failed = await health('--at', hanging, '--time-limit', '50ms')
  assert.deepEqual(failed, { code: 1, said: `heartline health: ${hanging} gives no answer in time\n` })
})

test('by default it asks where receivers, balancers and backends say whether they are ready', () => {
  const paths = healthOptions.parse({}).at.map((url) => new URL(url))
  assert.deepEqual(
    paths.map(({ port, pathname }) => `${port}${pathname}`),
    ['7070/readyz', '8081/readyz', `9001${readyzPath}`],
  )
  assert.notEqual(readyzPath, healthzPath)
})
