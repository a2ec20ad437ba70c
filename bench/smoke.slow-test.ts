/** The benchmarks still run: real servers, a short load, the report's shape. No time is asserted. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { missingTools } from '../compose/kafka/missing-tools.ts'
import { findProgram } from './peers/installed.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

async function bench(args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 90_000 })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await exited, output, errors }
}

test('a short run of writes checks its contenders and reports as scripts rely on it', {
  skip: missingTools(),
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-bench-smoke-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const raw = join(directory, 'raw.json')
  const size = ['--rounds', '1', '--seconds', '1', '--connections', '5']
  const { code, output, errors } = await bench([
    'writes',
    ...size,
    '--only',
    'memory,checkpoint',
    '--json',
    '--raw',
    raw,
  ])
  assert.equal(code, 0, errors)

  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  assert.deepEqual(Object.keys(report), ['bench', 'machine', 'rounds', 'rows', 'ratios'])
  assert.equal(report.bench, 'writes')
  assert.deepEqual(Object.keys(report.ratios), ['inMemory'])
  for (const row of report.rows) assert.deepEqual(Object.keys(row), ['name', 'unit', 'median', 'min', 'max'])
  const { samples } = JSON.parse(await readFile(raw, 'utf8'))
  assert.equal(samples.length, 2)
})

test('a short run of reads checks how each was protected, and has both ratios', { skip: missingTools() }, async () => {
  const size = ['--rounds', '1', '--seconds', '1', '--connections', '5']
  const { code, output, errors } = await bench(['reads', ...size, '--json'])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  assert.deepEqual(Object.keys(report.ratios), ['lease', 'barrier'])
  const names = report.rows.map(({ name }: { name: string }) => name)
  for (const contender of ['no protection', 'lease', 'barrier'])
    for (const what of ['', ': p50', ': p99', ': processor time of the server'])
      assert.ok(names.includes(`${contender}${what}`), `${contender}${what}`)
})

test('a short run of proxy checks its contenders and has their ratios', {
  skip: (await findProgram('wrk')) && (await findProgram('nginx')) ? false : 'no wrk or no nginx',
}, async () => {
  const size = ['--rounds', '1', '--seconds', '1', '--connections', '4', '--pin', 'none']
  const { code, output, errors } = await bench([
    'proxy',
    ...size,
    '--warm-up',
    '1',
    '--only',
    'heartline,nginx,undici',
    '--json',
  ])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  assert.deepEqual(Object.keys(report.ratios), ['nginx', 'undici'])
  const names = report.rows.map(({ name }: { name: string }) => name)
  for (const method of ['GET', 'POST'])
    for (const what of ['', ' p50', ' p99', ' cpu per request'])
      assert.ok(names.includes(`heartline: ${method}${what}`), `${method}${what}`)
})

test('a short run of restore compares the states, and has its ratio', { skip: missingTools() }, async () => {
  const { code, output, errors } = await bench([
    'restore',
    ...['--rounds', '1', '--keys', '2000', '--tail', '50', '--json'],
  ])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  assert.deepEqual(Object.keys(report.ratios), ['bareConsumer'])
  const names = report.rows.map(({ name }: { name: string }) => name)
  for (const name of ['checkpoint', 'bare kafkajs consumer'])
    for (const what of ['', ': data read', ': time', ': longest hold of the event loop', ': resident memory'])
      assert.ok(names.includes(`${name}${what}`), `${name}${what}`)
})

test('a short run of writes with snapshots takes some, and has the ratio of the p99s', {
  skip: missingTools(),
}, async () => {
  const size = ['--rounds', '1', '--seconds', '1', '--connections', '5', '--keys', '2000']
  const only = ['--only', 'checkpoint-filled,checkpoint-snapshots']
  const { code, output, errors } = await bench(['writes', ...size, ...only, '--json'])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  assert.deepEqual(Object.keys(report.ratios), ['snapshots'])
  const snapshots = report.rows.find(({ unit }: { unit: string }) => unit === 'snapshots')
  assert.ok(snapshots.median >= 1)
})

test('a failover with keys keeps them', { skip: missingTools() }, async () => {
  const { code, output, errors } = await bench([
    'failover',
    '--rounds',
    '1',
    '--kills',
    '1',
    '--keys',
    '2000',
    '--json',
  ])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  const lost = report.rows.find(({ name }: { name: string }) => name === 'heartline, 2,000 keys: lost, in all')
  assert.equal(lost.median, 0)
  assert.deepEqual(report.ratios, {}, 'there is nothing to compare with')
})

test('a short run of receiver has its rows for each size', { skip: missingTools() }, async () => {
  const size = ['--rounds', '1', '--kills', '1', '--seconds', '1', '--backends', '10,200']
  const { code, output, errors } = await bench(['receiver', ...size, '--json'])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  const names = report.rows.map(({ name }: { name: string }) => name)
  for (const fleet of ['10 backends', '200 backends'])
    for (const what of ['processor', 'memory for each', 'kill to decision, p50', 'kill to decision, p99'])
      assert.ok(names.includes(`${fleet}: ${what}`), `${fleet}: ${what}`)
  assert.deepEqual(report.ratios, {})
})

for (const [what, args, message] of [
  ['an unknown benchmark', ['write'], /^bench: unknown benchmark write; did you mean writes\?\n$/],
  [
    'a bad number of keys',
    ['failover', '--keys', '0,many'],
    /^bench: --keys: expected numbers of keys up to 9999999, such as 0,1000,1000000, got "0,many"\n$/,
  ],
  ['an unknown flag', ['writes', '--round', '1'], /^bench: unknown flag --round; did you mean --rounds\?\n$/],
  [
    'a bad value',
    ['writes', '--only', 'oracle'],
    /^bench: --only: expected memory or checkpoint or .*, got "oracle"\n$/,
  ],
] as const)
  test(`${what} is one line that says what would be right, and exit code 2`, async () => {
    const { code, output, errors } = await bench([...args])
    assert.deepEqual({ code, output }, { code: 2, output: '' })
    assert.match(errors, message)
  })

test('a short run of handover has a row for each kind of move, and no errors', { skip: missingTools() }, async () => {
  const size = ['--handovers', '1', '--restarts', '0', '--rate', '100']
  const { code, output, errors } = await bench(['handover', ...size, '--json'])
  assert.equal(code, 0, errors)
  const report = JSON.parse(output.trim().split('\n').at(-1)!)
  const names = report.rows.map(({ name }: { name: string }) => name)
  assert.deepEqual(names.slice(0, 3), ['handover: pause', 'handover: pause p99', 'handover: took'])
  const failed = report.rows.find(({ name }: { name: string }) => name === 'errors, in all')
  assert.equal(failed.median, 0)
})
