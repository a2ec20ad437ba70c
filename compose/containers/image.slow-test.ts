/** The image and the services of the compose file, with no Docker: its steps are gone through, and each service's command is run from what they made. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { access, chmod, mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { needsKafka } from '../../tests/needs.ts'
import { startKafka } from '../kafka/kafka.ts'
import { freePorts } from '../kafka/ports.ts'
import { type ComposeFile, heartlineServices, portsOf, readCommand, readComposeFile } from './compose-services.ts'
import { buildWithoutDocker, removeImage } from './image-steps.ts'
import { SimulatedContainer } from './simulated-container.ts'

/** Seven processes start at once, perhaps beside others. */
const healthyTimeoutMs = 180_000
const token = randomBytes(32).toString('base64url')

/** Where each port of each service is on this machine. */
type Ports = ReadonlyMap<string, string>

/** Replaces the places that a text names by where they are here. */
function mapped(text: string, ports: Ports): string {
  return text.replaceAll(/(?<=\/\/|^|,)[a-z][a-z0-9-]*:\d+/g, (place) => ports.get(place) ?? place)
}

async function mapPorts(file: ComposeFile, kafka: string): Promise<Ports> {
  const ports = new Map([['kafka:19092', kafka]])
  for (const [name, { command, environment }] of heartlineServices(file)) {
    const own = portsOf((await readCommand(command!, environment!)).options)
    const free = await freePorts('127.0.0.1', own.length)
    for (const [index, port] of own.entries()) ports.set(`${name}:${port}`, `127.0.0.1:${free[index]}`)
  }
  return ports
}

const healthPaths = { receiver: '7070/readyz', balancer: '8081/readyz', backend: '9001/.heartline/readyz' } as const

async function startService(
  [name, { command, environment }]: ReturnType<typeof heartlineServices>[number],
  { image, ports, tokenFile }: { image: string; ports: Ports; tokenFile: string },
): Promise<SimulatedContainer> {
  const read = await readCommand(command!, environment!)
  const portOf = (port: unknown) => ports.get(`${name}:${port}`)!.split(':')[1]!
  const listen = ['--port', portOf(read.options.port)]
  if (read.options.adminPort !== undefined) listen.push('--admin-port', portOf(read.options.adminPort))
  const [port, ...path] = healthPaths[read.name as keyof typeof healthPaths].split('/')
  return SimulatedContainer.start({
    image,
    argv: [...command!.map((text) => mapped(text, ports)), ...listen],
    environment: {
      ...Object.fromEntries(Object.entries(environment!).map(([key, text]) => [key, mapped(text, ports)])),
      HEARTLINE_TOKEN_FILE: tokenFile,
    },
    healthAt: `http://127.0.0.1:${portOf(port)}/${path.join('/')}`,
  })
}

/** The image's root, built once for all that follows. */
async function build(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-image-'))
  t.after(() => removeImage(directory))
  await chmod(directory, 0o755) // the image's account reads it
  return buildWithoutDocker(directory)
}

test(
  'what the Dockerfile builds runs every service of the compose file, in order to the end',
  needsKafka,
  async (t) => {
    const image = await build(t)

    await t.test('the image holds the package and what it needs to run, and nothing to build it with', async () => {
      const modules = await readdir(join(image, 'app/node_modules'))
      for (const name of ['express', 'kafkajs', 'ws', 'zod']) assert.ok(modules.includes(name), name)
      for (const name of ['typescript', '@biomejs', 'node', 'fast-check']) assert.ok(!modules.includes(name), name)
      for (const path of ['checkpoint/checkpoint.ts', 'tests/tidy.test.ts', 'bench/main.ts', 'tsconfig.json'])
        await assert.rejects(access(join(image, 'app', path)), { code: 'ENOENT' })
      assert.deepEqual(await readdir(join(image, 'run/heartline')), [])
    })

    const file = await readComposeFile()
    const kafka = await startKafka({ port: 0, brokers: 1, log: pino({ level: 'silent' }) })
    t.after(() => kafka.stop())
    const ports = await mapPorts(file, kafka.brokers[0]!)
    const tokenFile = join(image, 'run/heartline/token')
    await writeFile(tokenFile, token)
    const containers = new Map<string, SimulatedContainer>()
    t.after(() => Promise.all([...containers.values()].map((container) => container.kill('SIGKILL'))))
    for (const service of heartlineServices(file))
      containers.set(service[0], await startService(service, { image, ports, tokenFile }))

    await t.test('all of them become healthy by the image’s own check', async () => {
      await Promise.all([...containers.values()].map((container) => container.untilHealthy(healthyTimeoutMs)))
    })

    const at = (place: string) => `http://${ports.get(place)}`
    const increment = async (balancer: string) => {
      const response = await fetch(`${at(`${balancer}:8080`)}/counters/c/increments`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      })
      return {
        status: response.status,
        by: response.headers.get('x-heartline-backend'),
        ...((await response.json()) as { value: number }),
      }
    }
    const authorization = { authorization: `Bearer ${token}` }

    await t.test('both balancers serve, and what shows anything wants the token', async () => {
      assert.deepEqual([(await increment('balancer-1')).value, (await increment('balancer-2')).value], [1, 2])
      for (const place of ['receiver-2:7070/metrics', 'balancer-1:8081/metrics', 'backend-3:9001/.heartline/metrics']) {
        const [host, path] = place.split(/\/(.*)/) as [string, string]
        assert.equal((await fetch(`${at(host)}/${path}`)).status, 401, place)
        assert.equal((await fetch(`${at(host)}/${path}`, { headers: authorization })).status, 200, place)
      }
    })

    await t.test('a killed active is followed by another, with nothing lost', async () => {
      const { by } = await increment('balancer-1')
      await containers.get(by!)!.kill('SIGKILL')
      const after = await increment('balancer-2')
      assert.deepEqual({ status: after.status, value: after.value }, { status: 200, value: 4 })
      assert.notEqual(after.by, by)
      await containers.get(by!)!.exited
      const service = heartlineServices(file).find(([name]) => name === by)!
      containers.set(by!, await startService(service, { image, ports, tokenFile }))
      await containers.get(by!)!.untilHealthy(healthyTimeoutMs)
    })

    await t.test('as process 1, each ends in order at the image’s signal, within its grace period', async () => {
      const { by } = await increment('balancer-1')
      const order = [by!, ...[...containers.keys()].filter((name) => name !== by)]
      for (const name of order) {
        const container = containers.get(name)!
        const startedAt = performance.now()
        await container.kill('SIGTERM')
        assert.deepEqual(await container.exited, { code: 0, signal: null }, `${name}: ${container.said}`)
        const graceMs = Number.parseInt(file.services[name]!.stop_grace_period!, 10) * 1_000
        assert.ok(performance.now() - startedAt < graceMs, name)
        if (name === by) assert.notEqual((await increment('balancer-1')).by, by, 'it handed over')
      }
    })
  },
)
