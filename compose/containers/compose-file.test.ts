/** The compose file, and Prometheus beside it, against the code: nothing they name is missing, and nothing is open that should not be. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { metricsPath } from '../../backend/metrics.ts'
import { commands } from '../commands.ts'
import { flagsOf } from '../flags.ts'
import { kafkaVersion } from '../kafka/runtime.ts'
import { type ComposeFile, heartlineServices, portsOf, readCommand, readComposeFile } from './compose-services.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '..')

/** Each name of a host with a port in a text, such as `kafka:19092` of `PLAINTEXT://kafka:19092`. */
function placesIn(text: string): [host: string, port: number][] {
  return [...text.matchAll(/(?:\/\/|^|,)([a-z][a-z0-9-]*):(\d+)/g)].map(([, host, port]) => [host!, Number(port)])
}

/** A duration of whole seconds, such as `30s`. */
function seconds(text: string): number {
  return Number(/^(\d+)s$/.exec(text)?.[1])
}

describe('the compose file', () => {
  let file: ComposeFile
  /** Where each service listens in its own network. */
  const listening = new Map<string, number[]>()
  before(async () => {
    file = await readComposeFile()
    for (const [name, { command, environment }] of heartlineServices(file))
      listening.set(name, portsOf((await readCommand(command!, environment!)).options))
    const kafka = file.services.kafka!.environment!
    listening.set(
      'kafka',
      placesIn(kafka.KAFKA_ADVERTISED_LISTENERS!).map(([, port]) => port),
    )
    listening.set('prometheus', [9090])
    listening.set('grafana', [3000])
  })

  it('has two receivers, two balancers and three backends, each of its own name', async () => {
    const names: Record<string, string[]> = {}
    for (const [name, { command, environment }] of heartlineServices(file)) {
      const read = await readCommand(command!, environment!)
      assert.equal(read.options.name, name)
      assert.equal(read.options.host, '0.0.0.0', 'reached from other containers')
      names[read.name] = [...(names[read.name] ?? []), name]
    }
    assert.deepEqual(names, {
      receiver: ['receiver-1', 'receiver-2'],
      backend: ['backend-1', 'backend-2', 'backend-3'],
      balancer: ['balancer-1', 'balancer-2'],
    })
  })

  it('names only environment variables that some command reads', async () => {
    const known = new Set(['HEARTLINE_TOKEN_FILE'])
    for (const entry of Object.values(commands))
      for (const { variable } of flagsOf((await entry.load()).options)) known.add(variable)
    for (const [name, { environment }] of heartlineServices(file))
      for (const variable of Object.keys(environment!).filter((key) => key.startsWith('HEARTLINE_')))
        assert.ok(known.has(variable), `${variable} of ${name}`)
  })

  it('names only services that are there, at ports where they listen', () => {
    let found = 0
    for (const [name, { command = [], environment = {} }] of Object.entries(file.services))
      for (const [host, port] of [...command, ...Object.values(environment)].flatMap((text) => placesIn(`${text}`))) {
        if (host === 'localhost') continue
        assert.ok(listening.get(host)?.includes(port), `${host}:${port} of ${name}`)
        found++
      }
    assert.ok(found > 20, `${found} places`)
  })

  it('has every backend dialled at its own name, and every receiver told of the others', async () => {
    const read = new Map<string, Record<string, unknown>>()
    for (const [name, { command, environment }] of heartlineServices(file))
      read.set(name, (await readCommand(command!, environment!)).options)
    const receivers = [...read.keys()].filter((name) => name.startsWith('receiver'))
    const urlOf = (name: string) => `ws://${name}:7070`
    for (const [name, { url, receivers: followed, peers }] of read) {
      if (name.startsWith('backend')) assert.equal(url, `http://${name}:9001`)
      if (peers) assert.deepEqual(peers, receivers.filter((other) => other !== name).map(urlOf))
      else assert.deepEqual(followed, receivers.map(urlOf))
    }
  })

  it('publishes ports on loopback only, each once, and only where the service listens', () => {
    const published = Object.entries(file.services).flatMap(([name, { ports = [] }]) =>
      ports.map((text) => ({ name, text })),
    )
    const { KAFKA_LISTENERS } = file.services.kafka!.environment!
    const ofMachine = Number(/MACHINE:\/\/:(\d+)/.exec(KAFKA_LISTENERS!)![1])
    for (const { name, text } of published) {
      const [, port, own] = /^127\.0\.0\.1:(\d+):(\d+)$/.exec(text) ?? assert.fail(`${text} of ${name}`)
      const ports = name === 'kafka' ? [ofMachine] : listening.get(name)
      assert.ok(Number(port) > 1023 && ports?.includes(Number(own)), `${text} of ${name}`)
    }
    assert.equal(new Set(published.map(({ text }) => text.split(':')[1])).size, published.length)
  })

  it('starts each after what it needs, and has `up --wait` wait for all', () => {
    for (const [name, { depends_on = {} }] of Object.entries(file.services))
      for (const [other, { condition }] of Object.entries(depends_on)) {
        const needed = file.services[other]
        assert.ok(needed, `${other} of ${name}`)
        const checked = needed.build !== undefined || needed.healthcheck !== undefined // the image has a check of its own
        if (condition === 'service_healthy') assert.ok(checked && !needed.healthcheck?.disable, `${other} has a check`)
        if (condition === 'service_completed_successfully') assert.equal(needed.restart, 'no')
      }
    for (const [name, { depends_on }] of heartlineServices(file))
      assert.equal(depends_on?.token?.condition, 'service_completed_successfully', `${name} waits for its token`)
    for (const [name, { build, restart, healthcheck }] of Object.entries(file.services))
      if (!build) assert.ok(healthcheck?.test, `${name} is ready when it is waited for, and not only started`)
      else if (restart !== 'no') assert.equal(healthcheck, undefined, `${name} has the image's own check`)
  })

  it('checks health often while it is waited for and seldom afterwards, as each check starts a program', () => {
    for (const [name, { healthcheck }] of Object.entries(file.services)) {
      if (!healthcheck?.test) continue
      assert.equal(healthcheck.start_interval, '2s', name)
      assert.ok(seconds(healthcheck.start_period!) >= 60, name)
      assert.ok(seconds(healthcheck.interval!) >= (name === 'kafka' ? 60 : 30), name) // Kafka's is a Java
    }
  })

  it('builds the image of Heartline, and asks no registry for it', () => {
    const built = Object.values(file.services).filter(({ image }) => image === 'heartline:local')
    assert.equal(built.length, heartlineServices(file).length + 1)
    for (const { build, pull_policy } of built) assert.deepEqual([pull_policy, !!build], ['build', true])
  })

  it('lets a process end in order before it is killed, and starts again what died', () => {
    for (const [name, { stop_grace_period, restart }] of heartlineServices(file)) {
      const closeTimeoutMs = 10_000 // of `compose/main.ts`
      assert.ok(Number.parseInt(stop_grace_period!, 10) * 1_000 > closeTimeoutMs, name)
      assert.equal(restart, 'unless-stopped')
    }
  })

  it('gives no process of Heartline more than it needs, and a share of a processor to none: throttled, it seems to hang', () => {
    for (const [name, service] of heartlineServices(file)) {
      assert.equal(service.read_only, true, name)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.deepEqual(service.volumes, ['token:/run/heartline:ro'])
    }
    for (const [name, { deploy, entrypoint }] of Object.entries(file.services))
      if (!entrypoint) assert.deepEqual(Object.keys(deploy!.resources.limits), ['memory'], name)
  })

  it('mounts files that are there, and volumes that it declares', async () => {
    for (const [name, { volumes = [] }] of Object.entries(file.services))
      for (const volume of volumes) {
        const source = volume.split(':')[0]!
        if (source.startsWith('.')) await access(join(folder, source))
        else assert.ok(source in file.volumes, `${source} of ${name}`)
      }
    for (const { build } of Object.values(file.services))
      if (build) await access(join(folder, build.context, build.dockerfile))
  })

  it('holds no secret, and makes one that stays', async (t) => {
    const text = await readFile(join(folder, 'compose.yaml'), 'utf8')
    assert.doesNotMatch(text, /HEARTLINE_TOKEN:(?!-\})/, 'only who starts it may choose the token')
    const { entrypoint, command, environment, volumes } = file.services.token!
    assert.deepEqual(volumes, ['token:/run/heartline'], 'the only one that may write it')
    const directory = await mkdtemp(join(tmpdir(), 'heartline-token-'))
    t.after(() => rm(directory, { recursive: true }))
    const make = async (chosen = environment!.CHOSEN!) => {
      const script = command![0]!.replaceAll('/run/heartline', directory)
      assert.doesNotMatch(script, /\$/, 'Compose would take it for a variable')
      await run(process.execPath, [...entrypoint!.slice(1), script], { env: { ...process.env, CHOSEN: chosen } })
      return readFile(join(directory, 'token'), 'utf8')
    }
    const made = await make()
    assert.match(made, /^[A-Za-z0-9_-]{43}$/)
    assert.equal(await make(), made)
    assert.equal(await make('a token of my own'), 'a token of my own')
    assert.equal(await make(), 'a token of my own')
  })

  it('has the Kafka that `up` and `demo` start in Docker, by itself, on its port of this machine', () => {
    const { image, depends_on, ports, environment } = file.services.kafka!
    assert.equal(image, `apache/kafka:${kafkaVersion}`)
    assert.equal(depends_on, undefined)
    assert.deepEqual(ports, ['127.0.0.1:9092:9092'])
    assert.match(environment!.KAFKA_ADVERTISED_LISTENERS!, /MACHINE:\/\/127\.0\.0\.1:9092$/)
  })

  it('has Prometheus scrape every process of Heartline where it shows its metrics, with the token', async () => {
    const text = await readFile(join(import.meta.dirname, 'prometheus.yml'), 'utf8')
    const { scrape_configs, rule_files } = parse(text) as {
      rule_files: string[]
      scrape_configs: {
        job_name: string
        metrics_path?: string
        authorization: { credentials_file: string }
        static_configs: { targets: string[] }[]
      }[]
    }
    const paths: Record<string, string | undefined> = { receiver: undefined, balancer: undefined, backend: metricsPath }
    const scraped: string[] = []
    const mounts = file.services.prometheus!.volumes!.map((volume) => volume.split(':') as [string, string])
    for (const { job_name, metrics_path, authorization, static_configs } of scrape_configs) {
      assert.ok(job_name in paths)
      assert.equal(metrics_path, paths[job_name])
      assert.ok(
        mounts.some(([volume, place]) => volume === 'token' && `${place}/token` === authorization.credentials_file),
      )
      for (const target of static_configs.flatMap(({ targets }) => targets)) {
        const [host, port] = target.split(':') as [string, string]
        assert.equal(
          listening.get(host)?.at(-1),
          Number(port),
          `${target}: the port for administration, if there is one`,
        )
        assert.equal(host.replace(/-\d+$/, ''), job_name)
        scraped.push(host)
      }
    }
    assert.deepEqual(
      scraped.sort(),
      heartlineServices(file)
        .map(([name]) => name)
        .sort(),
    )
    const configured = mounts.find(([source]) => source === './containers/prometheus.yml')![1]
    assert.ok(file.services.prometheus!.command!.includes(`--config.file=${configured}`))
    for (const rules of rule_files)
      assert.ok(
        mounts.some(([, place]) => place === normalize(join(configured, '..', rules))),
        rules,
      )
  })
})
