/** `heartline agent` around real servers in two languages, with a real receiver. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../compose/kafka/ports.ts'
import { capturedLog } from '../heartbeat-receiver/captured-log.ts'
import { type DecisionFollower, followDecisions } from '../heartbeat-receiver/decision-follower.ts'
import { startTestReceiver, type TestReceiver } from '../heartbeat-receiver/test-receiver.ts'
import { balancerOptions, startBalancer } from '../load-balancer/index.ts'
import { needsPython } from './needs.ts'

const main = fileURLToPath(new URL('../compose/main.ts', import.meta.url))
const python = 'import sys, http.server as h\nclass H(h.SimpleHTTPRequestHandler):\n def log_message(s, *a): pass\n'
const pythonServer = `${python}print("python is up", flush=True)\nh.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()`
/** Well until it is asked for /sick, and again after /cured; /slow takes a while; says its process and ends in order. */
const nodeServer = `
let status = 200
const server = require('node:http').createServer(({ url }, response) => {
  if (url === '/sick') status = 503
  if (url === '/cured') status = 200
  const answer = () => response.writeHead(url === '/health' ? status : 200).end(String(process.pid))
  url === '/slow' ? setTimeout(answer, 100) : answer()
}).listen(Number(process.argv[1]), '127.0.0.1', () => console.log('node is up, token', process.env.HEARTLINE_TOKEN))
process.on('SIGTERM', () => { console.log('node ends in order'); server.close(); server.closeAllConnections() })`

/** Never listens; ends when it is told so. */
const shellServer = 'trap "echo cannot go on >&2; exit 7" USR1; echo shell is up; while :; do sleep 0.02; done'

/** What is run, with the port as its last word, and the path to check. */
const languages = {
  python: { command: ['python3', '-c', pythonServer], check: '/' },
  node: { command: [process.execPath, '-e', nodeServer], check: '/health' },
  shell: { command: ['sh', '-c', shellServer], check: '/' },
  wrapped: { command: ['sh', '-c', '"$0" -e "$1" "$2" & wait', process.execPath, nodeServer], check: '/health' },
} as const
type Language = keyof typeof languages

interface RunningAgent {
  url: string
  process: ChildProcess
  /** Of the command. */
  pid: number
  /** What it and its command printed. */
  printed: string[]
  exited: Promise<unknown[]>
}

interface World {
  receiver: TestReceiver
  follower: DecisionFollower
  agent(name: string, language: Language, flags?: string[]): Promise<RunningAgent>
  /** Resolves once the members are these, `name phase, name phase`. */
  members(expected: string): Promise<void>
}

async function world(t: TestContext): Promise<World> {
  const receiver = await startTestReceiver(t, { heartbeatMs: 100, token: 'a secret word' })
  const { log } = capturedLog()
  const identity = { role: 'observer', name: 'o', token: 'a secret word' } as const
  const follower = followDecisions({ receivers: [receiver.url], log, ...identity })
  t.after(() => follower.close())
  return {
    receiver,
    follower,
    agent: (name, language, flags = []) => startAgent(t, { receiver, name, language, flags }),
    async members(expected) {
      const shown = () => follower.members().map(({ name, phase }) => `${name} ${phase}`)
      while (shown().sort().join(', ') !== expected) await once(follower, 'members')
    },
  }
}

interface AgentToStart {
  receiver: TestReceiver
  name: string
  language: Language
  flags: string[]
}

async function startAgent(t: TestContext, { receiver, name, language, flags }: AgentToStart): Promise<RunningAgent> {
  const [port] = await freePorts('127.0.0.1', 1)
  const url = `http://127.0.0.1:${port}`
  const { command, check } = languages[language]
  const known = ['--url', url, '--name', name, '--receivers', receiver.url, '--check', check]
  const child = spawn(process.execPath, [main, 'agent', ...known, ...flags, '--', ...command, String(port)], {
    env: { ...process.env, HEARTLINE_TOKEN: 'a secret word' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL')) // its guard ends the command
  const printed: string[] = []
  const started = Promise.withResolvers<number>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      printed.push(line)
      const pid = /"pid":(\d+),"msg":"started/.exec(line)?.[1]
      if (pid) started.resolve(Number(pid))
    })
  const exited = once(child, 'exit')
  void exited.then(() => started.reject(new Error(printed.join('\n'))))
  return { url, process: child, pid: await started.promise, printed, exited }
}

const named = (follower: DecisionFollower) => follower.decision()?.name

async function untilNamed(follower: DecisionFollower, name: string): Promise<void> {
  while (named(follower) !== name) await once(follower, 'decision')
}

async function untilGone(url: string): Promise<void> {
  for (;;) {
    try {
      await fetch(url)
    } catch {
      return
    }
  }
}

test(
  'kill -9 of a server in Python: the next is named at once, the crash line quotes the signal and what it said, and the agent ends likewise',
  needsPython,
  async (t) => {
    const { receiver, follower, agent, members } = await world(t)
    const first = await agent('python', 'python')
    await untilNamed(follower, 'python')
    const second = await agent('node', 'node')
    await members('node standby, python active')
    assert.equal(follower.decision()?.url, first.url)
    assert.equal(follower.decision()?.exactlyOnce, false)

    const killedAtMs = performance.now()
    process.kill(first.pid, 'SIGKILL')
    await untilNamed(follower, 'node')
    t.diagnostic(`from kill -9 to the new decision: ${(performance.now() - killedAtMs).toFixed(1)} ms`)
    await members('node active')
    assert.deepEqual(await first.exited, [137, null])
    const [line] = receiver.lines.filter(({ event }) => event === 'crashed')
    assert.match(
      line!.msg,
      /^python crashed: its process was killed by SIGKILL; node leads now with epoch 2, decided in [\d.]+ ms; its last lines: python is up$/,
    )
    assert.equal(await (await fetch(follower.decision()!.url)).text(), String(second.pid))
  },
)

test('a server that ends with an exit code: the crash line has it, and the agent ends with it', async (t) => {
  const { receiver, follower, agent } = await world(t)
  const short = await agent('short', 'shell')
  while (!receiver.lines.some(({ event }) => event === 'joined')) await delay(5)
  // Before it says so it has no trap, and the signal itself would end it.
  while (!short.printed.includes('shell is up')) await delay(5)
  process.kill(short.pid, 'SIGUSR1')
  assert.deepEqual(await short.exited, [7, null])
  const [line] = receiver.lines.filter(({ event }) => event === 'crashed')
  assert.match(
    line!.msg,
    /^short crashed: its process ended with exit code 7; nobody can lead now; its last lines: shell is up \| cannot go on$/,
  )
  assert.equal(named(follower), undefined)
})

test(
  'SIGTERM to the agent that leads: another is named while its server still answers, and then the server ends in order',
  needsPython,
  async (t) => {
    const { receiver, follower, agent, members } = await world(t)
    const first = await agent('first', 'node', ['--drain', '200ms'])
    await untilNamed(follower, 'first')
    await agent('second', 'python')
    await members('first active, second standby')
    first.process.kill('SIGTERM')
    await untilNamed(follower, 'second')
    assert.equal((await fetch(`${first.url}/health`)).status, 200, 'who was sent there before is still answered')
    assert.deepEqual(await first.exited, [0, null])
    assert.ok(first.printed.includes('node ends in order'))
    assert.ok(first.printed.includes('node is up, token undefined'), 'the secret is not handed on')
    await untilGone(first.url)
    assert.deepEqual(
      receiver.lines.filter(({ level }) => level >= 50),
      [],
    )
  },
)

test('a check that fails: out and another named; once it succeeds, in again, and nobody fails back', async (t) => {
  const { follower, agent, members } = await world(t)
  const quick = ['--check-interval', '20ms', '--check-failures', '2']
  const first = await agent('first', 'node', quick)
  await untilNamed(follower, 'first')
  await agent('second', 'node')
  await members('first active, second standby')
  await fetch(`${first.url}/sick`)
  await members('second active')
  assert.equal(named(follower), 'second')
  await fetch(`${first.url}/cured`)
  await members('first standby, second active')
  assert.equal(named(follower), 'second')
})

test('what a dead command leaves behind ends with it: its port is free for the next', async (t) => {
  const { follower, agent } = await world(t)
  const wrapped = await agent('wrapped', 'wrapped')
  await untilNamed(follower, 'wrapped')
  process.kill(wrapped.pid, 'SIGKILL')
  assert.deepEqual(await wrapped.exited, [137, null])
  await untilGone(wrapped.url)
})

test('kill -9 of the agent itself takes the server with it', async (t) => {
  const { follower, agent, members } = await world(t)
  const first = await agent('first', 'node')
  await untilNamed(follower, 'first')
  await agent('second', 'node')
  await members('first active, second standby')
  first.process.kill('SIGKILL')
  await untilNamed(follower, 'second')
  await untilGone(first.url)
})

for (const strategy of ['active', 'round-robin'])
  test(`a rolling restart behind a balancer, strategy ${strategy}: no client sees an error, a slow POST neither`, async (t) => {
    const { receiver, agent, members } = await world(t)
    const stop = new AbortController()
    const options = { port: 0, adminPort: 0, receivers: receiver.url, token: 'a secret word', strategy }
    const balancer = await startBalancer(balancerOptions.parse(options), capturedLog().log, stop.signal)
    t.after(() => {
      stop.abort()
      return balancer.done
    })
    const running = [await agent('a', 'node'), await agent('b', 'node')]
    await members('a active, b standby')

    let ended = false
    const answers = { statuses: new Map<number, number>(), servers: new Set<string>() }
    const client = async () => {
      while (!ended) {
        const answer = await fetch(`${balancer.url}/slow`, { method: 'POST', body: 'x' })
        answers.servers.add(await answer.text())
        answers.statuses.set(answer.status, (answers.statuses.get(answer.status) ?? 0) + 1)
      }
    }
    const clients = Array.from({ length: 8 }, client)
    for (const [index, name] of ['a', 'b'].entries()) {
      running[index]!.process.kill('SIGTERM')
      assert.deepEqual(await running[index]!.exited, [0, null])
      running.push(await agent(name, 'node'))
      await members(name === 'a' ? 'a standby, b active' : 'a active, b standby')
    }
    await delay(150)
    ended = true
    await Promise.all(clients)
    assert.deepEqual([...answers.statuses.keys()], [200])
    assert.ok(answers.servers.has(String(running.at(strategy === 'active' ? 2 : 3)!.pid)))
  })
