import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WebSocketServer } from 'ws'
import { deadUrl } from '../heartbeat-receiver/test-receiver.ts'
import { commands } from './commands.ts'
import { flagsOf } from './flags.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

async function heartline(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { stdout, stderr, code }
}

for (const [name, entry] of Object.entries(commands))
  test(`every flag of ${name} says what it is for, and has a name and a variable of its own`, async () => {
    const flags = flagsOf((await entry.load()).options)
    for (const flag of flags) assert.notEqual(flag.description, '', `--${flag.name}`)
    assert.equal(new Set(flags.map((flag) => flag.name)).size, flags.length)
    assert.ok(flags.some((flag) => flag.name === 'log-level'))
  })

test('help and version are results, exit 0', async () => {
  const overview = await heartline(['--help'])
  assert.equal(overview.code, 0)
  for (const name of Object.keys(commands)) assert.match(overview.stdout, new RegExp(`^  ${name} `, 'm'))
  const help = await heartline(['kafka', '--help'])
  assert.equal(help.code, 0)
  assert.match(help.stdout, /--port N .*\[default 9092; HEARTLINE_PORT\]/)
  assert.match((await heartline(['--version'])).stdout, /^heartline \d+\.\d+\.\d+\n$/)
})

test('wrong usage is one line per problem on standard error, exit 2', async () => {
  const flags = await heartline(['kafka', '--prot', '1', '--brokers', '2'])
  assert.deepEqual(flags, {
    code: 2,
    stdout: '',
    stderr:
      'heartline kafka: unknown flag --prot; did you mean --port?\nheartline kafka: --brokers: expected 1 or 3, got "2"\n',
  })
  const command = await heartline(['kafak'])
  assert.deepEqual([command.code, command.stderr], [2, 'heartline: unknown command kafak; did you mean kafka?\n'])
})

test('status without a receiver is one line, exit 1', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  server.close()
  const result = await heartline(['status', '--receivers', `ws://127.0.0.1:${port}`])
  assert.deepEqual(result, {
    code: 1,
    stdout: '',
    stderr: `heartline status: no receiver answers: ws://127.0.0.1:${port} refuses connections\n`,
  })
})

/** A receiver as far as `status` asks it. */
async function standIn(t: TestContext, leads: boolean, asked: string[] = []): Promise<string> {
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`)
    response.setHeader('content-type', 'application/json').end(request.url === '/readyz' ? `{"leads":${leads}}` : '[]')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`
}

test('status shows what the receiver says that leads, hands over the token, and prints one JSON object', async (t) => {
  const asked: string[] = []
  const [follower, leader] = [await standIn(t, false), await standIn(t, true, asked)]
  const dead = (await deadUrl()).replace(/^http/, 'ws')
  const result = await heartline(['status', '--json', '--receivers', `${dead},${follower},${leader}`], {
    HEARTLINE_TOKEN: 'hush',
  })
  assert.deepEqual([result.code, result.stderr], [0, ''])
  assert.deepEqual(JSON.parse(result.stdout), {
    receiver: leader,
    receivers: [
      { url: dead, leads: false, problem: 'refuses connections' },
      { url: follower, leads: false },
      { url: leader, leads: true },
    ],
    backends: [],
    decisions: [],
  })
  assert.deepEqual(asked.toSorted(), ['/api/backends Bearer hush', '/api/decisions Bearer hush', '/readyz Bearer hush'])
})

test('status is shown by a receiver that follows, while none leads', async (t) => {
  const follower = await standIn(t, false)
  const { code, stdout } = await heartline(['status', '--json', '--receivers', `ws://127.0.0.1:1,${follower}`])
  assert.deepEqual([code, JSON.parse(stdout).receiver], [0, follower])
})

test('a handover that was not done is one line on standard error, and with --json the answer too, exit 1', async (t) => {
  const failed = {
    shard: 0,
    from: 'a',
    to: null,
    epoch: 3,
    tookMs: 0,
    failure: 'unknown-name',
    reason: 'no such backend',
  }
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  t.after(() => server.close())
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      const { type, to } = JSON.parse(data.toString())
      if (type === 'follow') socket.send('{"type":"decisions","decisions":[],"intervalMs":1000,"leads":true}')
      if (type === 'hand-over' && to === 'c') socket.send(JSON.stringify({ type: 'handed-over', ...failed }))
    })
  })
  const receivers = `ws://127.0.0.1:${(server.address() as { port: number }).port}`
  const { code, stdout, stderr } = await heartline(['handover', '--to', 'c', '--json', '--receivers', receivers])
  assert.deepEqual([code, stderr], [1, 'heartline handover: nothing was handed over: no such backend\n'])
  assert.deepEqual(JSON.parse(stdout), failed)
})

test('a handover that no receiver can do is one line, exit 1', async () => {
  const { code, stdout, stderr } = await heartline(['handover', '--receivers', 'ws://127.0.0.1:1'])
  assert.deepEqual([code, stdout, stderr], [1, '', 'heartline handover: no receiver answers: ws://127.0.0.1:1\n'])
})
