/** The package as a stranger gets it: packed, installed by npm into an empty project with its dependencies from the registry, and used there. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { freePort } from '../load-balancer/replicas/free-port.ts'
import { needsKafka } from './needs.ts'
import { type Packed, packCopy } from './packed-copy.ts'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)
const own = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  version: string
  devDependencies: Record<string, string>
}
/** The package, and the project that it is installed in. */
const at = { base: '', project: '', installed: '', packed: undefined as unknown as Packed }
/** More than it has; a package that grows above it has taken in something that it should not. */
const packedBytesMax = 4 * 2 ** 20
const installTimeoutMs = 300_000

before(
  async () => {
    at.base = await mkdtemp(join(tmpdir(), 'heartline-installed-'))
    at.packed = await packCopy(at.base)
    at.project = join(at.base, 'project')
    at.installed = join(at.project, 'node_modules/heartline')
    await mkdir(at.project)
    const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
    await run('npm', ['init', '--yes'], { cwd: at.project })
    await run('npm', ['install', at.packed.tarball, ...quietly], { cwd: at.project, timeout: installTimeoutMs })
  },
  { timeout: installTimeoutMs + 120_000 },
)
after(() => rm(at.base, { recursive: true, force: true }))

/** Runs in the project, and gives what it printed. */
async function inProject(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(file, args, { cwd: at.project, maxBuffer: 2 ** 24 }).catch(
    (error: { stdout: string; stderr: string }) => assert.fail(`${error.stderr}\n${error.stdout}`),
  )
  return stdout
}

interface Report {
  requests: number
  ok: number
  errors: Record<string, number>
  lost: number
  doubled: number
  failovers: unknown[]
}

async function demo(...flags: string[]): Promise<void> {
  const said = await inProject('npx', '--no-install', 'heartline', 'demo', '--json', '--kills', '1', ...flags)
  const { requests, ok, errors, lost, doubled, failovers } = JSON.parse(said.trim().split('\n').at(-1)!) as Report
  assert.deepEqual(
    { errors, lost, doubled, failovers: failovers.length },
    { errors: {}, lost: 0, doubled: 0, failovers: 1 },
  )
  assert.ok(ok > 0 && ok === requests)
}

test('npx heartline demo shows a failover on the embedded journal', { timeout: 400_000 }, () =>
  demo('--rate', '200', '--kafka', `file:${join(at.base, 'state')}`),
)

test('npx heartline demo shows a failover on a Kafka that it starts', { ...needsKafka, timeout: 400_000 }, () =>
  demo('--rate', '200'),
)

test('the dashboard and all that its page asks for come from the package', { timeout: 60_000 }, async (t) => {
  const port = await freePort()
  const receiver = spawn(
    process.execPath,
    [
      join(at.installed, 'dist/compose/main.js'),
      'receiver',
      '--port',
      `${port}`,
      '--kafka',
      `file:${join(at.base, 'receiver')}`,
    ],
    { cwd: at.project, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.after(() => receiver.kill('SIGKILL'))
  for await (const line of createInterface({ input: receiver.stdout })) if (line.includes('"listening"')) break
  receiver.stdout.resume()

  const base = `http://127.0.0.1:${port}`
  const seen = new Map<string, string>()
  /** Follows what a page, a style sheet or a module names, and what an import map makes of bare names. */
  const ask = async (path: string, named: (path: string) => string[]): Promise<void> => {
    if (seen.has(path)) return
    const answer = await fetch(base + path)
    const type = answer.headers.get('content-type') ?? ''
    const text = await answer.text()
    seen.set(path, type)
    assert.equal(answer.status, 200, `${path}: ${answer.status} ${text.slice(0, 200)}`)
    assert.ok(text.length > 0, `${path} is empty`)
    for (const next of named(text)) await ask(new URL(next, base + path).pathname, named)
  }
  const page = await (await fetch(base)).text()
  const imports = importMap(page)
  await ask('/', (text) => [
    ...[...text.matchAll(/(?:src|href)="([^"#:]+)"/g)].map(([, name]) => name!),
    ...[...text.matchAll(/(?:from|import)\s*["']([^"']+)["']/g)].flatMap(([, name]) =>
      /^[./]/.test(name!) ? [name!] : (imports[name!] ?? []),
    ),
  ])
  const types = [...seen.values()].map((type) => type.split(';')[0])
  for (const wanted of ['text/html', 'text/css', 'text/javascript'])
    assert.ok(types.includes(wanted), `${wanted}: ${[...seen]}`)
  t.diagnostic(`${seen.size} files: ${[...seen.keys()].join(' ')}`)
})

function importMap(page: string): Readonly<Record<string, string>> {
  const [, text] = /<script type="importmap"[^>]*>([\s\S]*?)<\/script>/.exec(page) ?? []
  return text === undefined ? {} : (JSON.parse(text) as { imports: Record<string, string> }).imports
}

const service = `
import { type BackendSettings, createBackend, problem, type RouteHandler } from 'heartline/backend'
import { type Checkpoint, CheckpointError, createCheckpoint, journalPorts } from 'heartline/checkpoint'

const settings: BackendSettings = { port: 0, name: 'one' }
const backend = createBackend(settings)
const notes = backend.checkpoint.map<string>('notes')
const handler: RouteHandler = ({ params }) => (notes.has(params.id) ? { body: notes.get(params.id) } : problem(404, 'Not Found'))
export const route = backend.checkpoint.route(handler)
export const checkpoint: Checkpoint = createCheckpoint(journalPorts({ kafka: ['file:./state'], topic: 'service' }))
export const isOurs = (error: unknown): boolean => error instanceof CheckpointError && error.code === 'TOO_LARGE'
// @ts-expect-error a note is a text
export const wrong = () => notes.set('a', 2)
`

for (const [moduleResolution, module] of [
  ['nodenext', 'nodenext'],
  ['bundler', 'preserve'],
]) {
  test(`both entry points are typed under moduleResolution ${moduleResolution}, with Node's types alone beside them`, async () => {
    const types = join(at.project, 'node_modules/@types/node')
    if (!(await readFile(join(types, 'package.json')).catch(() => null)))
      await inProject(
        'npm',
        'install',
        '--no-audit',
        '--no-fund',
        '--prefer-offline',
        '--loglevel=error',
        `@types/node@${own.devDependencies['@types/node']}`,
      )
    await writeFile(join(at.project, 'service.mts'), service)
    const compilerOptions = {
      ...{ target: 'es2024', module, moduleResolution, strict: true, exactOptionalPropertyTypes: true },
      ...{ noEmit: true, skipLibCheck: false, types: ['node'] },
    }
    const config = join(at.project, `tsconfig.${moduleResolution}.json`)
    await writeFile(config, JSON.stringify({ compilerOptions, files: ['service.mts'] }))
    await inProject(join(root, 'node_modules/.bin/tsc'), '-p', config)
  })
}

test('an error from within the package names a line of its TypeScript, whose text is in the source map', async () => {
  const failing = `import { createBackend } from 'heartline/backend'
    try { createBackend({ port: 'none' }) } catch (error) { console.log(error.stack) }`
  await writeFile(join(at.project, 'failing.mjs'), failing)
  const stack = await inProject(process.execPath, '--enable-source-maps', 'failing.mjs')
  const [, file, line] =
    /at createBackend \((?:file:\/\/)?[^)]*?(backend\/backend\.ts):(\d+):\d+\)/.exec(stack) ?? assert.fail(stack)
  const map = JSON.parse(await readFile(join(at.installed, 'dist/backend/backend.js.map'), 'utf8')) as {
    sourcesContent: string[]
  }
  const source = await readFile(join(root, file!), 'utf8')
  assert.equal(map.sourcesContent[0], source)
  assert.match(source.split('\n')[Number(line) - 1]!, /throw new BackendError/)
})

test('CommonJS requires both entry points, as every Node that the package runs on can require modules', async () => {
  const script = `const { createBackend } = require('heartline/backend'), { createCheckpoint } = require('heartline/checkpoint')
    console.log(typeof createBackend, typeof createCheckpoint)`
  await writeFile(join(at.project, 'service.cjs'), script)
  assert.equal(await inProject(process.execPath, 'service.cjs'), 'function function\n')
})

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: at.installed, pack: false, strict: true })
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  )
})

test('the types fit what is exported, however they are resolved', async () => {
  const analysis = await checkPackage(createPackageFromTarballData(await readFile(at.packed.tarball)))
  assert.ok(analysis.types !== false)
  // From CommonJS they are modules, which every Node since 22.12 can require; and node10 knows no exports, which no Node of today lacks.
  const problems = analysis.problems.filter(
    (problem) =>
      problem.kind !== 'CJSResolvesToESM' && !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
  )
  assert.deepEqual(problems, [])
})

test('the package has its version, is lean, and has no tests or benchmarks in it', async (t) => {
  const { packedBytes, unpackedBytes, files } = at.packed
  t.diagnostic(
    `${files.length} files, ${Math.round(packedBytes / 1024)} KiB packed, ${Math.round(unpackedBytes / 1024)} KiB unpacked`,
  )
  assert.ok(packedBytes < packedBytesMax)
  assert.deepEqual(
    files.filter((path) => /test|bench/.test(path) && !/dist\/.*\/test|\/README\.md$/.test(path)),
    [],
  )
  assert.equal(await inProject('npx', '--no-install', 'heartline', '--version'), `heartline ${own.version}\n`)
})
