/** The package as npm packs it, used as its readers use it: from `node_modules`, where Node strips no types. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { brokenLinks } from './documents/links.ts'
import { packCopy } from './packed-copy.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const packed = { base: '', folder: '', files: [] as string[], manifest: {} as Record<string, Record<string, unknown>> }

/** Packs a copy of the repository, and puts the package where npm would, beside what it depends on. */
before(async () => {
  const base = await mkdtemp(join(tmpdir(), 'heartline-package-'))
  packed.base = base
  const { tarball, files } = await packCopy(base)

  packed.folder = join(base, 'service')
  const modules = join(packed.folder, 'node_modules')
  await mkdir(join(modules, 'heartline'), { recursive: true })
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'heartline')])
  packed.files = [...files]
  packed.manifest = JSON.parse(await readFile(join(modules, 'heartline/package.json'), 'utf8'))
  for (const name of [...Object.keys(packed.manifest.dependencies!), '@types'])
    await symlink(join(root, 'node_modules', name), join(modules, name))
  await mkdir(join(modules, '.bin'))
  await symlink(`../heartline/${packed.manifest.bin!.heartline}`, join(modules, '.bin/heartline'))
  await writeFile(join(packed.folder, 'package.json'), '{ "type": "module", "private": true }')
})

after(() => rm(packed.base, { recursive: true, force: true }))

const consumer = `
import { type BackendOptions, backendOptions, createBackend, problem, type RouteHandler } from 'heartline/backend'
import { CheckpointError, type CheckpointMap, createCheckpoint, journalPorts, memoryJournal } from 'heartline/checkpoint'
import { pino } from 'pino'

const log = pino({ level: 'silent' })
const checkpoint = createCheckpoint(journalPorts({ kafka: ['file:./state'], topic: 'service' }))
const numbers: CheckpointMap<number> = checkpoint.map('numbers')
await checkpoint.start()
checkpoint.lead()
await checkpoint.whenLeading(1_000)
const sum: number = await checkpoint.transact(() => {
  numbers.set('a', 2)
  return (numbers.get('a') ?? 0) + 1
})
await checkpoint.close()
const failure: unknown = await checkpoint.transact(() => 1).catch((error: unknown) => error)
// @ts-expect-error numbers are no texts
const wrong = () => numbers.set('a', 'two')

const options: BackendOptions = backendOptions.parse({ port: 0, receivers: 'ws://127.0.0.1:1', logLevel: 'fatal' })
const backend = createBackend({ ...options, log, journal: memoryJournal() })
const refuse: RouteHandler = () => problem(404, 'Not Found')
const { url } = await backend.start(backend.checkpoint.route(refuse))
const { status } = await fetch(url)
await backend.close()
console.log(JSON.stringify({ sum, wrong: typeof wrong, failed: failure instanceof CheckpointError, status }))
`

test('a service in TypeScript imports both libraries, is checked strictly against their declarations, and runs', async () => {
  await writeFile(join(packed.folder, 'service.ts'), consumer)
  const compilerOptions = {
    target: 'ES2024',
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false, // their declarations are checked too
    noEmit: true,
    types: ['node'],
  }
  await writeFile(join(packed.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['service.ts'] }))
  await run(join(root, 'node_modules/.bin/tsc'), ['-p', packed.folder]).catch((error: { stdout: string }) =>
    assert.fail(error.stdout),
  )
  const { stdout } = await run(process.execPath, ['service.ts'], { cwd: packed.folder })
  assert.deepEqual(JSON.parse(stdout), { sum: 3, wrong: 'function', failed: true, status: 421 })
})

test('an example of the package runs beside it, with the thread and the file of its journal', async () => {
  await cp(join(packed.folder, 'node_modules/heartline/examples/counter.ts'), join(packed.folder, 'counter.ts'))
  const counter = spawn(process.execPath, ['counter.ts'], { cwd: packed.folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(counter, 'exit')
  const printed: string[] = []
  for await (const line of createInterface({ input: counter.stdout }))
    if (printed.push(line) === 2) counter.kill('SIGKILL')
  await exited
  assert.deepEqual(printed.slice(0, 2), ['1', '2'])
})

test('npx heartline runs what was built, and knows its version and its commands', async () => {
  const heartline = async (...args: string[]) =>
    (await run('npx', ['--no-install', 'heartline', ...args], { cwd: packed.folder })).stdout
  assert.equal(await heartline('--version'), `heartline ${packed.manifest.version}\n`)
  assert.match(await heartline('--help'), /Usage: heartline <command>/)
  assert.match(await heartline('balancer', '--help'), /--hold-time/)
})

test('every file that the code reads or runs beside itself is in the package', async () => {
  const text = (path: string) => readFile(join(packed.folder, 'node_modules/heartline', path), 'utf8')
  const missing: string[] = []
  for (const path of packed.files.filter((file) => file.endsWith('.js'))) {
    for (const [, name] of (await text(path)).matchAll(/new URL\(['`]([^'`]+)['`], import\.meta\.url\)/g)) {
      if (/\$\{(?!extname)/.test(name!)) continue // by its caller's word: they are run below, and by the service above
      const beside = join(path, '..', name!.replace(/\$\{extname.*\}/, '.js'))
      if (!packed.files.includes(beside)) missing.push(`${path} wants ${beside}`)
    }
  }
  assert.deepEqual(missing, [])
  const assets = 'heartline/dist/compose/load/report-page/page-assets.js'
  const page = 'heartline/dist/heartbeat-receiver/dashboard/page-assets.js'
  const load = `import('./node_modules/${page}').then((found) => found.loadPage()).then((found) => console.log(found.assets.has('page/main.js')))`
  assert.equal((await run(process.execPath, ['-e', load], { cwd: packed.folder })).stdout, 'true\n')
  const script = `import('./node_modules/${assets}').then((found) => found.pageAssets()).then((found) => console.log(Object.values(found).every(Boolean)))`
  assert.equal((await run(process.execPath, ['-e', script], { cwd: packed.folder })).stdout, 'true\n')
})

test('what the manifest points at is in the package', () => {
  const targets = Object.values(packed.manifest.exports!).flatMap((target) =>
    typeof target === 'string' ? [target] : Object.values(target as Record<string, string>),
  )
  const wanted = [...targets.map((target) => target.replace('./', '')), ...Object.values(packed.manifest.bin!)]
  assert.deepEqual(
    wanted.filter((path) => !packed.files.includes(String(path))),
    [],
  )
})

test('no test, benchmark or source of the commands is published', () => {
  const ours =
    /\.test\.|-world\.|conformance|^(tests|bench|packaging|checkpoint|backend|heartbeat-receiver|load-balancer|compose)\//
  const settings = /^compose\/beside\/(haproxy\.cfg|nginx\.conf)$/
  const wrong = packed.files.filter((path) => ours.test(path) && !path.endsWith('/README.md') && !settings.test(path))
  assert.deepEqual(wrong, [])
})

test('every link and picture of a document in the package leads to what is in it too', async () => {
  const documents = await Promise.all(
    packed.files
      .filter((path) => path.endsWith('.md'))
      .map(async (path) => ({
        path,
        markdown: await readFile(join(packed.folder, 'node_modules/heartline', path), 'utf8'),
      })),
  )
  assert.ok(documents.length > 20 && documents.some(({ path }) => path === 'README.md'))
  const isThere = (path: string) => packed.files.some((file) => file === path || file.startsWith(`${path}/`))
  assert.deepEqual(brokenLinks(documents, isThere), [])
})
