import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { capturedLog } from '../../heartbeat-receiver/captured-log.ts'
import { containerOf, DockerCli, type DockerOptions } from './docker-cli.ts'
import { freePort } from './free-port.ts'
import { isAlive, until } from './test-server.ts'

const none = { image: 'shop:1', words: [], network: undefined, port: undefined }

/**
 * What stands for `docker`: notes its arguments, and runs "containers" that live on without `docker run`, behind a proxy that accepts
 * connections before they do. The image says how one behaves.
 */
const fakeDocker = `#!${process.execPath}
const { appendFileSync, readFileSync, writeFileSync, existsSync, unlinkSync } = require('node:fs')
const { spawn } = require('node:child_process')
const words = process.argv.slice(2)
const at = (name) => __dirname + '/container-' + name
const kill = (name, signal) => { try { process.kill(Number(readFileSync(at(name), 'utf8')), signal); return true } catch { return false } }
const option = (name) => words[words.indexOf(name) + 1]
if (words[0] === 'container') {
  const [, port, image, name] = words
  const ready = Date.now() + 300
  setTimeout(() => process.exit(), 60_000).unref()
  process.on('SIGTERM', () => { if (image !== 'stubborn') process.exit(0) })
  if (image === 'stillborn') { console.error('no database'); process.exit(3) }
  require('node:http').createServer((_, response) => response.end(String(process.pid)))
    .on('connection', (socket) => { if (Date.now() < ready) socket.destroy() })
    .listen(Number(port), '127.0.0.1')
} else {
  appendFileSync(__dirname + '/calls', JSON.stringify(words) + '\\n')
  if (words[0] === 'run') {
    const name = option('--name')
    if (existsSync(at(name))) { console.error('Conflict. The container name is already in use'); process.exit(125) }
    const [, port] = option('--publish').split(':')
    const image = words[words.indexOf('HEARTLINE_PORT=' + port) + 1]
    // As long as an image takes to be fetched.
    if (image === 'late') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
    const child = spawn(process.execPath, [__filename, 'container', port, image, name], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] })
    writeFileSync(at(name), String(child.pid))
    child.on('exit', (code) => { if (existsSync(at(name))) unlinkSync(at(name)); process.exit(code ?? 137) })
  } else if (words[0] === 'stop') {
    const name = words.at(-1)
    if (!kill(name, 'SIGTERM')) process.exit(1)
    setTimeout(() => kill(name, 'SIGKILL'), 300)
    const pid = Number(readFileSync(at(name), 'utf8'))
    setInterval(() => { try { process.kill(pid, 0) } catch { process.exit(0) } }, 5)
  } else if (words[0] === 'rm') {
    for (const name of words.slice(2)) if (kill(name, 'SIGKILL') && existsSync(at(name))) unlinkSync(at(name))
  }
}
`

/** A directory with the fake, first on the PATH of what is started from now on; `before` is done before it goes. */
async function installFake(t: TestContext, before: () => Promise<void> = async () => undefined) {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-docker-'))
  await writeFile(join(directory, 'docker'), fakeDocker, { mode: 0o755 })
  const path = process.env.PATH
  process.env.PATH = `${directory}:${path}`
  t.after(async () => {
    await before()
    process.env.PATH = path
    await rm(directory, { recursive: true, force: true })
  })
  const calls = async () => {
    const text = await readFile(join(directory, 'calls'), 'utf8')
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as string[])
  }
  return { calls }
}

async function startFake(t: TestContext, options: Partial<DockerOptions> = {}) {
  const { log, lines } = capturedLog()
  // What is started must be ended as long as there is a docker to do it.
  const fake = await installFake(t, () => docker.close())
  const docker = new DockerCli({ ...none, ...options, log })
  return { ...fake, docker, lines }
}
const soon = () => AbortSignal.timeout(10_000)
const pidAt = async (url: string) => Number(await (await fetch(url)).text())

test('a container is removed when it ends, is named, is told its port, and is reached through loopback only', () => {
  const words = ['--name', '{name}', '--listen=0.0.0.0:{port}']
  assert.deepEqual(containerOf({ name: 'server-1', port: 4711 }, { ...none, words }), {
    container: 'heartline-server-1',
    url: 'http://127.0.0.1:4711',
    run: [
      ...['run', '--rm', '--name', 'heartline-server-1', '--hostname', 'server-1', '--label', 'heartline=replica'],
      ...['--publish', '127.0.0.1:4711:4711'],
      ...['--env', 'PORT=4711', '--env', 'HEARTLINE_NAME=server-1', '--env', 'HEARTLINE_PORT=4711'],
      ...['shop:1', '--name', 'server-1', '--listen=0.0.0.0:4711'],
    ],
  })
})

test('a container that listens on a port of its own has that one published', () => {
  const { url, run } = containerOf({ name: 'a', port: 4711 }, { ...none, port: 80, words: ['{port}'] })
  assert.equal(url, 'http://127.0.0.1:4711')
  assert.deepEqual([run[run.indexOf('--publish') + 1], run.at(-1)], ['127.0.0.1:4711:80', '80'])
  assert.ok(run.includes('PORT=80'))
})

test('on a network a container is reached by its name, and nothing is published', () => {
  const { url, run } = containerOf({ name: 'a', port: 4711 }, { ...none, network: 'shop', port: 80 })
  assert.equal(url, 'http://a:80')
  assert.ok(!run.includes('--publish'))
  assert.deepEqual(run.slice(run.indexOf('--network'), run.indexOf('--env')), [
    '--network',
    'shop',
    '--network-alias',
    'a',
  ])
})

test('a container accepts connections once it listens itself, not when its proxy does; then it is stopped', async (t) => {
  const { docker, calls } = await startFake(t)
  const port = await freePort()
  const spawned = docker.spawn({ name: 'a', port })
  await spawned.accepts(soon())
  const pid = await pidAt(spawned.url)
  await spawned.stop()
  assert.equal(isAlive(pid), false)
  assert.match(await spawned.exited, /^ended with exit code 0/)
  const [run, ...after] = await calls()
  assert.deepEqual(run, containerOf({ name: 'a', port }, none).run)
  assert.deepEqual(after, [['stop', '-t', '4', 'heartline-a']])
})

test('a container that ends by itself says how, with its last lines', async (t) => {
  const { docker } = await startFake(t, { image: 'stillborn' })
  assert.equal(
    await docker.spawn({ name: 'a', port: 4711 }).exited,
    'ended with exit code 3; its last lines: no database',
  )
})

test('a container that was killed has ended, and its name is free', async (t) => {
  const { docker } = await startFake(t)
  const spawned = docker.spawn({ name: 'a', port: await freePort() })
  await spawned.accepts(soon())
  process.kill(await pidAt(spawned.url), 'SIGKILL')
  assert.match(await spawned.exited, /^ended with exit code 137/)
  const next = docker.spawn({ name: 'a', port: await freePort() })
  await next.accepts(soon())
})

test('a container that is stopped before it is there does not come', async (t) => {
  const { docker } = await startFake(t, { image: 'late' })
  const spawned = docker.spawn({ name: 'a', port: await freePort() })
  await spawned.stop()
  assert.match(await spawned.exited, /^was killed by SIGKILL/)
  await assert.rejects(fetch(spawned.url))
})

test('all containers end when the spawner closes, those too that were only just started', async (t) => {
  const { docker } = await startFake(t, { image: 'stubborn' })
  const up = docker.spawn({ name: 'a', port: await freePort() })
  await up.accepts(soon())
  const pid = await pidAt(up.url)
  const starting = docker.spawn({ name: 'b', port: await freePort() })
  await docker.close()
  await Promise.all([up.exited, starting.exited])
  assert.equal(isAlive(pid), false)
})

test('without docker that is what is said', async (t) => {
  const path = process.env.PATH
  process.env.PATH = '/nonexistent'
  const { log } = capturedLog()
  const spawned = new DockerCli({ ...none, log }).spawn({ name: 'a', port: 4711 })
  process.env.PATH = path
  t.after(() => spawned.stop())
  assert.match(await spawned.exited, /^could not be started: .*docker ENOENT/)
})

test('no container outlives a balancer that is killed', async (t) => {
  await installFake(t)
  const parentSource = `
    const { DockerCli } = await import(${JSON.stringify(new URL('./docker-cli.ts', import.meta.url).href)})
    const { freePort } = await import(${JSON.stringify(new URL('./free-port.ts', import.meta.url).href)})
    const { pino } = await import('pino')
    const docker = new DockerCli({ image: 'shop:1', words: [], log: pino({ level: 'silent' }) })
    const spawned = docker.spawn({ name: 'a', port: await freePort() })
    await spawned.accepts(new AbortController().signal)
    console.log(spawned.url)
  `
  const parent = spawn(process.execPath, ['--input-type=module', '-e', parentSource], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => parent.kill('SIGKILL'))
  const [url] = await once(createInterface({ input: parent.stdout }), 'line')
  const pid = await pidAt(url)
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'))
  parent.kill('SIGKILL')
  await until(() => !isAlive(pid), 'the end of the orphan')
})
