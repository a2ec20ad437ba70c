import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type LogLine, Processes } from './processes.ts'

const silent = pino({ level: 'silent' })
const patienceMs = 10_000

/** What each child does after its first words; its name is its only argument. */
const childSource = `
const say = (line) => console.log(JSON.stringify({ level: 30, ...line }))
const stay = () => setInterval(() => {}, 60_000)
const listen = () => say({ event: 'listening', url: 'http://127.0.0.1:1', adminUrl: 'http://127.0.0.1:2', msg: process.env.WORD })
const lives = {
  obedient() { process.on('SIGTERM', () => { say({ msg: 'bye' }); process.exit(0) }); listen(); stay() },
  stubborn() { process.on('SIGTERM', () => {}); listen(); stay() },
  stillborn() { say({ msg: 'no luck' }); console.error('and a reason'); process.exitCode = 3 },
  silent() { stay() },
}
lives[process.argv[1]]()
`
const command: [string, ...string[]] = [process.execPath, '-e', childSource]

function processes(t: TestContext): Processes {
  const made = new Processes({ log: silent, command })
  t.after(() => made.stopAll())
  return made
}

test('start resolves with what the listening line says', async (t) => {
  const lines: LogLine[] = []
  const spec = { name: 'one', args: ['obedient'], env: { WORD: 'hello' }, onLine: (line: LogLine) => lines.push(line) }
  const one = await processes(t).start(spec)
  assert.equal(one.url, 'http://127.0.0.1:1')
  assert.equal(one.listening.adminUrl, 'http://127.0.0.1:2')
  assert.equal(one.alive, true)
  assert.deepEqual(
    lines.map(({ msg }) => msg),
    ['hello'],
  )
})

test('a child that ends before it listens is an error with its last words', async (t) => {
  const starting = processes(t).start({ name: 'one', args: ['stillborn'] })
  await assert.rejects(starting, (error: Error & { code: string }) => {
    assert.equal(error.code, 'PROCESS_ENDED')
    assert.match(error.message, /^one ended with exit code 3; its last lines: /)
    assert.match(error.message, /no luck/)
    assert.match(error.message, /and a reason/)
    return true
  })
})

test('a program that does not exist is an error, not a crash', async (t) => {
  const none = new Processes({ log: silent, command: ['/nonexistent/program'] })
  t.after(() => none.stopAll())
  await assert.rejects(none.start({ name: 'one', args: [] }), { code: 'PROCESS_ENDED' })
})

test('a child that never listens is killed at its limit', async (t) => {
  const group = processes(t)
  await assert.rejects(group.start({ name: 'one', args: ['silent'], readyTimeoutMs: 200 }), {
    code: 'PROCESS_NOT_READY',
  })
})

test('a killed child is seen to end, and can be started again under its name', async (t) => {
  const group = processes(t)
  const first = await group.start({ name: 'one', args: ['obedient'] })
  await assert.rejects(group.start({ name: 'one', args: ['obedient'] }), { code: 'NAME_RUNNING' })
  assert.equal(first.kill('SIGKILL'), true)
  assert.deepEqual(await first.exited, { code: null, signal: 'SIGKILL' })
  assert.equal(first.alive, false)
  assert.equal(first.kill('SIGKILL'), false)
  const second = await group.restart('one')
  assert.notEqual(second.pid, first.pid)
  assert.equal(group.get('one'), second)
})

test('an ended child is started again as something else, and then goes on as that', async (t) => {
  const words: unknown[] = []
  const group = processes(t)
  const spec = {
    name: 'one',
    args: ['obedient'],
    env: { WORD: 'old' },
    onLine: (line: LogLine) => words.push(line.msg),
  }
  await group.start(spec)
  await group.stop('one')
  const other = childSource.replace('process.env.WORD', "'new'")
  await group.restart('one', { command: [process.execPath, '-e', other] })
  await group.stop('one')
  await group.restart('one')
  assert.deepEqual(
    words.filter((word) => word !== 'bye'),
    ['old', 'new', 'new'],
  )
})

test('stop lets a child end in order', async (t) => {
  const lines: LogLine[] = []
  const group = processes(t)
  const one = await group.start({ name: 'one', args: ['obedient'], onLine: (line) => lines.push(line) })
  await group.stop('one')
  assert.deepEqual(await one.exited, { code: 0, signal: null })
})

test('stop ends a stopped child in order', async (t) => {
  const group = processes(t)
  const one = await group.start({ name: 'one', args: ['obedient'] })
  one.kill('SIGSTOP')
  await group.stop('one')
  assert.deepEqual(await one.exited, { code: 0, signal: null })
})

test('a child that ignores SIGTERM is killed when its time is over', async (t) => {
  const group = processes(t)
  const one = await group.start({ name: 'one', args: ['stubborn'] })
  await group.stop('one', 100)
  assert.deepEqual(await one.exited, { code: null, signal: 'SIGKILL' })
})

test('stopAll ends the groups in order and then the rest, last started first', async () => {
  const group = new Processes({ log: silent, command })
  const ended: string[] = []
  for (const name of ['a', 'b', 'c', 'd']) {
    const one = await group.start({ name, args: ['obedient'] })
    void one.exited.then(() => ended.push(name))
  }
  await group.stopAll([['b']])
  assert.deepEqual(ended, ['b', 'd', 'c', 'a'])
})

test('no child outlives a parent that is killed, not even a stopped one', async (t) => {
  const parentSource = `
    const { Processes } = await import(${JSON.stringify(new URL('./processes.ts', import.meta.url).href)})
    const { pino } = await import('pino')
    const group = new Processes({ log: pino({ level: 'silent' }), command: ${JSON.stringify(command)} })
    const one = await group.start({ name: 'one', args: ['stubborn'] })
    const two = await group.start({ name: 'two', args: ['stubborn'] })
    two.kill('SIGSTOP')
    console.log(JSON.stringify([one.pid, two.pid]))
  `
  const parent = spawn(process.execPath, ['--input-type=module', '-e', parentSource], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => parent.kill('SIGKILL'))
  const [line] = await once(createInterface({ input: parent.stdout }), 'line')
  const pids: number[] = JSON.parse(line)
  t.after(() => {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL')
  })
  assert.deepEqual(pids.map(isAlive), [true, true])
  parent.kill('SIGKILL')
  for (const pid of pids) await untilGone(pid)
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function untilGone(pid: number): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (isAlive(pid)) {
    assert.ok(performance.now() < deadline, `process ${pid} is still there`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
