import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type ClusterOptions, startCluster } from './cluster.ts'
import type { LogLine } from './processes.ts'

const log = pino({ level: 'silent' })

/** Stands for every command: says what it was given, listens, and ends in order. `crash` among its flags ends it at once. */
const actorSource = `
const [name, ...flags] = process.argv.slice(1)
const value = (flag) => flags[flags.indexOf(flag) + 1]
if (flags.includes('crash')) { console.log('{"msg":"no memory"}'); process.exit(7) }
process.on('SIGTERM', () => process.exit(0))
const token = process.env.HEARTLINE_TOKEN, own = process.env.HEARTLINE_URL, tokenFile = process.env.HEARTLINE_TOKEN_FILE
const port = Number(value('--port')) || 4711
const places = { receiver: 'http://127.0.0.1:' + port, kafka: '127.0.0.1:' + port }
console.log(JSON.stringify({ level: 30, event: 'listening', url: places[name] ?? 'http://127.0.0.1:' + port,
  adminUrl: 'http://127.0.0.1:' + value('--admin-port'), brokers: ['127.0.0.1:' + port], flags, token, tokenFile, own, ownPid: process.pid,
  tunables: process.env.GLIBC_TUNABLES, nodeOptions: process.env.NODE_OPTIONS }))
setInterval(() => {}, 60_000)
`
const command: [string, ...string[]] = [process.execPath, '-e', actorSource]
const ports = { kafka: 9092, receiver: 7070, balancer: 8080, admin: 8081, backend: 9001 }

async function cluster(t: TestContext, more: Partial<ClusterOptions> = {}) {
  const started: Array<{ name: string; line: LogLine }> = []
  const onLine = (name: string, line: LogLine) => line.event === 'listening' && started.push({ name, line })
  const running = await startCluster({ backends: 3, ports, topicPrefix: 'test', command, log, onLine, ...more })
  t.after(() => running.stop())
  return {
    running,
    started,
    flagsOf: (name: string) => started.findLast((one) => one.name === name)?.line.flags as string[],
  }
}

test('the order is Kafka, receiver, first backend, balancer, other backends', async (t) => {
  const { running, started } = await cluster(t)
  assert.deepEqual(
    started.map(({ name }) => name),
    ['kafka', 'receiver', 'backend-1', 'balancer', 'backend-2', 'backend-3'],
  )
  const { kafka, receiverUrls, receiverHttp, balancerUrl, adminUrl } = running
  assert.deepEqual(
    { kafka, receiverUrls, receiverHttp, balancerUrl, adminUrl },
    {
      kafka: ['127.0.0.1:9092'],
      receiverUrls: ['ws://127.0.0.1:7070'],
      receiverHttp: 'http://127.0.0.1:7070',
      balancerUrl: 'http://127.0.0.1:8080',
      adminUrl: 'http://127.0.0.1:8081',
    },
  )
})

test('several receivers know each other, and everybody knows all of them; each has ports of its own', async (t) => {
  const { running, started, flagsOf } = await cluster(t, { receivers: 3, balancers: 2, backends: 2 })
  assert.deepEqual(
    started.map(({ name }) => name),
    ['kafka', 'receiver-1', 'receiver-2', 'receiver-3', 'backend-1', 'balancer-1', 'balancer-2', 'backend-2'],
  )
  const value = (name: string, flag: string) => flagsOf(name)[flagsOf(name).indexOf(flag) + 1]
  assert.equal(value('receiver-2', '--peers'), 'ws://127.0.0.1:7070,ws://127.0.0.1:7072')
  const all = 'ws://127.0.0.1:7070,ws://127.0.0.1:7071,ws://127.0.0.1:7072'
  assert.deepEqual(running.receiverUrls, all.split(','))
  for (const name of ['backend-1', 'balancer-1', 'balancer-2', 'backend-2'])
    assert.equal(value(name, '--receivers'), all)
  assert.deepEqual(running.balancerUrls, ['http://127.0.0.1:8080', 'http://127.0.0.1:8082'])
  assert.equal(value('balancer-2', '--admin-port'), '8083')
})

test('on free ports too, receivers and balancers that are several are found again where they were', async (t) => {
  const { running, flagsOf } = await cluster(t, { receivers: 2, balancers: 2, backends: 1, ports: 'free' })
  const names = [...running.receivers, ...running.balancers]
  const portsOf = (name: string) =>
    ['--port', '--admin-port'].map((flag) => flagsOf(name)[flagsOf(name).indexOf(flag) + 1])
  const before = names.map(portsOf)
  const numbers = before
    .flat()
    .map(Number)
    .filter((port) => port > 0)
  assert.equal(new Set(numbers).size, 6)
  for (const name of names) {
    await running.processes.stop(name)
    await running.processes.restart(name)
  }
  assert.deepEqual(names.map(portsOf), before)
})

test('backends alone are started so that their memory is quick to free, and what somebody chose stays', async (t) => {
  const { GLIBC_TUNABLES: glibcBefore, NODE_OPTIONS: nodeBefore } = process.env
  const choose = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  t.after(() => {
    choose('GLIBC_TUNABLES', glibcBefore)
    choose('NODE_OPTIONS', nodeBefore)
  })
  const tunables = 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1'
  for (const { chosen, backend } of [
    { chosen: {}, backend: { tunables, nodeOptions: '--max-semi-space-size=2' } },
    {
      chosen: { tunables: 'glibc.malloc.tcache_count=7', nodeOptions: '--no-deprecation' },
      backend: { tunables: 'glibc.malloc.tcache_count=7', nodeOptions: '--no-deprecation --max-semi-space-size=2' },
    },
    {
      chosen: { nodeOptions: '--max-semi-space-size=16' },
      backend: { tunables, nodeOptions: '--max-semi-space-size=16' },
    },
  ] as { chosen: Given; backend: Given }[]) {
    choose('GLIBC_TUNABLES', chosen.tunables)
    choose('NODE_OPTIONS', chosen.nodeOptions)
    const { started } = await cluster(t, { backends: 2 })
    for (const { name, line } of started) {
      const given = { tunables: line.tunables, nodeOptions: line.nodeOptions }
      const { tunables, nodeOptions } = name.startsWith('backend') ? backend : chosen
      assert.deepEqual(given, { tunables, nodeOptions }, name)
    }
  }
})

interface Given {
  readonly tunables?: string
  readonly nodeOptions?: string
}

test('a given Kafka is used, and none is started', async (t) => {
  const { started, flagsOf } = await cluster(t, { kafka: ['one:1', 'two:2'], backends: 1 })
  assert.deepEqual(
    started.map(({ name }) => name),
    ['receiver', 'backend-1', 'balancer'],
  )
  const flags = flagsOf('receiver')
  assert.equal(flags[flags.indexOf('--kafka') + 1], 'one:1,two:2')
})

test('the token goes by environment, and what names one process is not inherited by all', async (t) => {
  process.env.HEARTLINE_URL = 'http://elsewhere'
  t.after(() => {
    delete process.env.HEARTLINE_URL
  })
  const { started } = await cluster(t, { token: 'hush', backends: 1 })
  for (const { name, line } of started) {
    assert.equal(line.token, 'hush', name)
    assert.equal(line.own, undefined, name)
    assert.doesNotMatch(String(line.flags), /hush/, name)
  }
})

test('a file with the token of another installation is not read by the processes of one without', async (t) => {
  process.env.HEARTLINE_TOKEN_FILE = '/run/secrets/token'
  t.after(() => {
    delete process.env.HEARTLINE_TOKEN_FILE
  })
  const { started } = await cluster(t, { token: '', backends: 1 })
  for (const { name, line } of started) assert.deepEqual([line.token, line.tokenFile], ['', undefined], name)
})

test('a killed backend is started again as it was', async (t) => {
  const { running, flagsOf } = await cluster(t, { backends: 2, flags: { backend: ['--crash', '0.5'] } })
  const before = flagsOf('backend-2')
  const victim = running.processes.get('backend-2')!
  victim.kill('SIGKILL')
  await victim.exited
  await running.startBackend('backend-2')
  assert.deepEqual(flagsOf('backend-2'), before)
  assert.deepEqual(running.backendArgs('backend-2').slice(1), before.slice(0, -2))
  assert.equal(before[before.indexOf('--port') + 1], '9002')
})

test('stop ends balancer, backends, receiver and Kafka, in this order', async (t) => {
  const { running } = await cluster(t, { backends: 1 })
  const ended: string[] = []
  for (const name of running.processes.names()) void running.processes.get(name)!.exited.then(() => ended.push(name))
  await running.stop()
  assert.deepEqual(ended, ['balancer', 'backend-1', 'receiver', 'kafka'])
})

test('when one does not start, all the others are ended and the reason is told', async (t) => {
  const pids: number[] = []
  const onLine = (_name: string, line: LogLine) => line.event === 'listening' && pids.push(line.ownPid as number)
  await assert.rejects(cluster(t, { flags: { balancer: ['crash'] }, onLine }), {
    code: 'PROCESS_ENDED',
    message: 'balancer ended with exit code 7; its last lines: no memory',
  })
  assert.equal(pids.length, 3)
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

test('an abort ends what was started so far', async (t) => {
  const ending = new AbortController()
  const started: string[] = []
  const onLine = (name: string) => {
    started.push(name)
    if (name === 'receiver') ending.abort(new Error('enough'))
  }
  await assert.rejects(cluster(t, { signal: ending.signal, onLine }), { message: 'enough' })
  assert.deepEqual(started, ['kafka', 'receiver'])
})
