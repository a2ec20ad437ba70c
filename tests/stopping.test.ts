/** What the signals of an orderly end do to a backend that leads. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { testDirectory } from '../checkpoint/test-directory.ts'
import { startCluster } from '../compose/cluster.ts'
import { askBackends, until } from '../compose/demo-watch.ts'
import type { ManagedProcess } from '../compose/processes.ts'

const signal = new AbortController().signal

/** A backend that leads and has nobody to hand over to, and what it says. */
async function alone(t: TestContext): Promise<{ backend: ManagedProcess; said: string[] }> {
  const said: string[] = []
  const directory = await testDirectory(t)
  const cluster = await startCluster({
    ...{ kafka: [`file:${directory.path}`], backends: 1, ports: 'free', topicPrefix: 'stopping' },
    log: pino({ level: 'silent' }),
    onLine: (name, { msg }) => name === 'backend-1' && said.push(String(msg)),
  })
  directory.keep({ close: () => cluster.stop() })
  const leads = async () => (await askBackends(cluster.receiverHttp)).some(({ phase }) => phase === 'active')
  await until(leads, { what: 'an active', timeoutMs: 20_000, signal })
  return { backend: cluster.processes.get('backend-1')!, said }
}

test('one that leads and finds no successor says so, and ends in order all the same', async (t) => {
  const { backend, said } = await alone(t)
  backend.kill('SIGTERM')
  assert.deepEqual(await backend.exited, { code: 0, signal: null })
  assert.ok(said.includes('nobody took over in time; stopping all the same'), said.join('\n'))
})

test('a second signal ends it at once, while it waits for a successor', async (t) => {
  const { backend, said } = await alone(t)
  backend.kill('SIGTERM')
  await until(() => said.includes('ending in order; once more ends at once'), {
    what: 'the first',
    timeoutMs: 5_000,
    signal,
  })
  backend.kill('SIGTERM')
  assert.deepEqual(await backend.exited, { code: 1, signal: null })
  assert.ok(!said.includes('nobody took over in time; stopping all the same'), said.join('\n'))
})
