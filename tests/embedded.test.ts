/** The whole system on the embedded journal: what works on a machine that has Node and nothing else. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type Cluster, startCluster } from '../compose/cluster.ts'

const log = pino({ level: 'silent' })
const main = join(import.meta.dirname, '..', 'compose', 'main.ts')
const answerTimeoutMs = 20_000

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-embedded-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** A PATH with what every system has, and no Java, Maven or Docker. */
async function barePath(t: TestContext): Promise<string> {
  const directory = await temporaryDirectory(t)
  for (const tool of ['sh', 'rm', 'sleep']) await symlink(join('/bin', tool), join(directory, tool))
  return directory
}

test('with Node alone the demo runs, says on what, and no client notices the kill', async (t) => {
  const { JAVA_HOME: _none, HEARTLINE_KAFKA: _neither, ...environment } = process.env
  const options = { env: { ...environment, PATH: await barePath(t) }, maxBuffer: 2 ** 26 }
  const flags = ['demo', '--json', '--kills', '1', '--rate', '200']
  const { code, stdout, said } = await new Promise<{ code: number; stdout: string; said: string }>((resolve) => {
    execFile(process.execPath, [main, ...flags], options, (error, stdout, said) =>
      resolve({ code: Number(error?.code ?? 0), stdout, said }),
    )
  })
  assert.equal(code, 0, said)
  const { requests, ok, errors, lost, doubled, failovers } = JSON.parse(stdout)
  assert.deepEqual({ ok, errors, lost, doubled }, { ok: requests, errors: {}, lost: 0, doubled: 0 })
  assert.equal(failovers.length, 1)
  const line =
    /the journal is the embedded one, for this one machine, in (\S+): no Kafka was given, none can be started \(.*Java.*\)/
  assert.match(said, line)
  assert.doesNotMatch(said, /ExperimentalWarning/)
  const directory = line.exec(said)![1]!
  await assert.rejects(rm(directory), { code: 'ENOENT' }, 'the directory went with the demo')
})

test('everything killed at once and started again on the same directory has every acknowledged write', async (t) => {
  const directory = await temporaryDirectory(t)
  const start = async () => {
    const cluster = await startCluster({
      kafka: [`file:${directory}`],
      backends: 2,
      ports: 'free',
      topicPrefix: 'embedded',
      token: '',
      log,
    })
    t.after(() => cluster.stop())
    return cluster
  }
  const acknowledged = new Map<string, number>()
  const first = await start()
  await put(first, 'warm', 0) // the first answer waits for the first active
  const writers = Array.from({ length: 8 }, (_, index) => writeUntilRefused(first, `key-${index}`, acknowledged))
  while ([...acknowledged.values()].reduce((sum, value) => sum + value, 0) < 200)
    await new Promise((resolve) => setTimeout(resolve, 10))
  const exits = first.processes.names().map((name) => first.processes.get(name)!)
  for (const process of exits) process.kill('SIGKILL')
  await Promise.all(exits.map((process) => process.exited))
  await Promise.all(writers)

  const second = await start()
  await put(second, 'warm', 1)
  assert.equal(acknowledged.size, 8)
  for (const [key, value] of acknowledged) {
    const answer = await fetch(`${second.balancerUrl}/registers/${key}`)
    const found = (await answer.json()) as { value: number }
    // The one under way at the kill may have landed.
    assert.ok(found.value === value || found.value === value + 1, `${key} is ${found.value}, acknowledged was ${value}`)
  }
})

/** Writes 1, 2, 3 … one after the other, and notes what was acknowledged. */
async function writeUntilRefused(cluster: Cluster, key: string, acknowledged: Map<string, number>): Promise<void> {
  for (let value = 1; ; value++) {
    const stored = await put(cluster, key, value).catch(() => false)
    if (!stored) return
    acknowledged.set(key, value)
  }
}

async function put(cluster: Cluster, key: string, value: number): Promise<boolean> {
  const answer = await fetch(`${cluster.balancerUrl}/registers/${key}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ value }),
    signal: AbortSignal.timeout(answerTimeoutMs),
  })
  await answer.arrayBuffer()
  return answer.ok
}
