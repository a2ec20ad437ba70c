import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { capturedLog } from '../../heartbeat-receiver/captured-log.ts'
import { freePort } from './free-port.ts'
import { LocalProcesses } from './local-processes.ts'
import { isAlive, serverCommand, until } from './test-server.ts'

function processes(t: TestContext, command: { program: string; words: readonly string[] }) {
  const { log, lines } = capturedLog()
  const spawner = new LocalProcesses({ ...command, log })
  t.after(() => spawner.close())
  return { spawner, output: () => lines.filter(({ event }) => event === 'output').map(({ msg }) => msg) }
}
const soon = () => AbortSignal.timeout(10_000)
const pidOf = async (url: string) => Number((await (await fetch(url)).text()).split(' ')[1])

test('a server is started with its name and port in its arguments, and its lines are in the log', async (t) => {
  const { spawner, output } = processes(t, serverCommand('serves'))
  const port = await freePort()
  const spawned = spawner.spawn({ name: 'a', port })
  await spawned.accepts(soon())
  assert.match(await (await fetch(spawned.url)).text(), /^a \d+$/)
  await spawned.stop()
  assert.deepEqual(output(), [`a: up on ${port}`])
  assert.match(await spawned.exited, /^was killed by SIGTERM; its last lines: up on/)
})

test('a server finds its name and port in its environment too, not those of the balancer', async (t) => {
  process.env.HEARTLINE_NAME = 'balancer'
  t.after(() => delete process.env.HEARTLINE_NAME)
  const words = [
    '-e',
    'const { PORT, HEARTLINE_PORT, HEARTLINE_NAME } = process.env; console.log(PORT, HEARTLINE_PORT, HEARTLINE_NAME)',
  ]
  const { spawner } = processes(t, { program: process.execPath, words })
  assert.match(await spawner.spawn({ name: 'a', port: 4711 }).exited, /its last lines: 4711 4711 a$/)
})

test('a name is one word, whatever is in it: no shell reads it', async (t) => {
  const words = ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', '--', 'x{name}', '{port}']
  const { spawner } = processes(t, { program: process.execPath, words })
  const name = '$(touch /tmp/x); `y` {port} $& "z'
  assert.match(await spawner.spawn({ name, port: 1 }).exited, /\["x\$\(touch \/tmp\/x\); `y` 1 \$& \\"z","1"\]$/)
})

test('a server that ends by itself says how, with its last lines', async (t) => {
  const { spawner } = processes(t, serverCommand('stillborn'))
  const spawned = spawner.spawn({ name: 'a', port: 4711 })
  assert.equal(await spawned.exited, 'ended with exit code 3; its last lines: no database at 4711')
})

test('a program that does not exist is an end with a reason, not a crash', async (t) => {
  const { spawner } = processes(t, { program: '/nonexistent/program', words: [] })
  assert.match(await spawner.spawn({ name: 'a', port: 1 }).exited, /^could not be started: .*ENOENT/)
})

test('a stopped server ends in order', async (t) => {
  const { spawner } = processes(t, serverCommand('serves'))
  const spawned = spawner.spawn({ name: 'a', port: await freePort() })
  await spawned.accepts(soon())
  process.kill(await pidOf(spawned.url), 'SIGSTOP')
  await spawned.stop()
  assert.match(await spawned.exited, /^was killed by SIGTERM/)
})

test('a server that ignores SIGTERM is killed, though it is stopped', async (t) => {
  const { spawner } = processes(t, serverCommand('stubborn'))
  const spawned = spawner.spawn({ name: 'a', port: await freePort() })
  await spawned.accepts(soon())
  process.kill(await pidOf(spawned.url), 'SIGSTOP')
  await spawned.stop()
  assert.match(await spawned.exited, /^was killed by SIGKILL/)
})

test('what a server started itself ends with it', async (t) => {
  const { spawner, output } = processes(t, serverCommand('parent'))
  const spawned = spawner.spawn({ name: 'a', port: await freePort() })
  await spawned.accepts(soon())
  const child = Number(output()[0]?.split(' ')[2])
  assert.ok(isAlive(child))
  process.kill(await pidOf(spawned.url), 'SIGKILL')
  await spawned.exited
  await until(() => !isAlive(child), 'the end of the grandchild')
})

test('waiting for a server ends with the wait', async (t) => {
  const { spawner } = processes(t, serverCommand('silent'))
  const spawned = spawner.spawn({ name: 'a', port: await freePort() })
  const waiting = new AbortController()
  const accepts = assert.rejects(spawned.accepts(waiting.signal))
  waiting.abort()
  await accepts
})

test('no server outlives a balancer that is killed', async (t) => {
  const parentSource = `
    const { LocalProcesses } = await import(${JSON.stringify(new URL('./local-processes.ts', import.meta.url).href)})
    const { freePort } = await import(${JSON.stringify(new URL('./free-port.ts', import.meta.url).href)})
    const { pino } = await import('pino')
    const spawner = new LocalProcesses({ ...${JSON.stringify(serverCommand('stubborn'))}, log: pino({ level: 'silent' }) })
    const spawned = spawner.spawn({ name: 'a', port: await freePort() })
    await spawned.accepts(new AbortController().signal)
    console.log(spawned.url)
  `
  const parent = spawn(process.execPath, ['--input-type=module', '-e', parentSource], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => parent.kill('SIGKILL'))
  const [url] = await once(createInterface({ input: parent.stdout }), 'line')
  const pid = await pidOf(url)
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  parent.kill('SIGKILL')
  await until(() => !isAlive(pid), 'the end of the orphan')
})
