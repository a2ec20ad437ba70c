/** The examples, run as their README tells a reader to run them: its own commands, with other ports and another directory. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { freePort } from '../load-balancer/replicas/free-port.ts'

const root = join(import.meta.dirname, '..')
const readme = await readFile(join(root, 'examples/README.md'), 'utf8')
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block]) => block!.trim().split('\n'))

/** The one command of the README that `part` stands in. */
function command(part: string): string {
  const found = commands.filter((line) => line.includes(part))
  assert.equal(found.length, 1, `the README has one command with ${part}`)
  return found[0]!
}

interface Program {
  /** Resolves with what a line says, once there is one. */
  printed(pattern: RegExp): Promise<string[]>
  /** `kill -9`, also of what npm started. */
  kill(): Promise<void>
  readonly lines: readonly string[]
}

/** Runs a command in a shell, as a reader would. */
function run(t: TestContext, line: string, env: Record<string, string> = {}): Program {
  const PATH = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`
  const shell: ChildProcess = spawn('sh', ['-c', line], {
    cwd: root,
    env: { ...process.env, PATH, ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()))
  const lines: string[] = []
  let news = () => {}
  let rest = ''
  const hear = (chunk: Buffer) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    news()
  }
  shell.stdout!.on('data', hear)
  shell.stderr!.on('data', hear)
  const kill = async () => {
    if (shell.exitCode === null && shell.signalCode === null) process.kill(-shell.pid!, 'SIGKILL')
    await ended
  }
  t.after(kill)
  const printed = async (pattern: RegExp) => {
    for (;;) {
      const found = lines.map((text) => pattern.exec(text)).find((match) => match !== null)
      if (found) return [...found]
      assert.equal(shell.exitCode, null, `${line} ended: ${lines.join('\n')}`)
      await Promise.race([ended, new Promise<void>((resolve) => (news = resolve))])
    }
  }
  return { printed, kill, lines }
}

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'heartline-examples-'))
  t.after(() => rm(path, { recursive: true, force: true }))
  return join(path, 'state')
}

test('the counter goes on where it was killed, and one beside it takes over', { timeout: 30_000 }, async (t) => {
  const line = `exec ${command('counter.ts')} ${await directory(t)}`
  const first = run(t, line)
  await first.printed(/^3$/)
  await first.kill()
  const last = Number(first.lines.at(-1))
  const second = run(t, line)
  await second.printed(new RegExp(`^${last + 3}$`))
  assert.ok(Number(second.lines[0]) - last <= 2, 'at most what was under way was kept and not printed')
  assert.ok(Number(second.lines[0]) > last, 'nothing that was printed was lost')
  const third = run(t, line)
  await second.printed(/^another process on .* counts now$/)
  const [taken] = await third.printed(/^\d+$/)
  const values = second.lines.filter((text) => /^\d+$/.test(text)).map(Number)
  assert.ok(Number(taken) > values.at(-1)!, 'no number is given twice')
})

for (const example of ['express-service.ts', 'node-http-service.ts']) {
  test(`${example}: a seat stays booked when the server that booked it is killed, and when all are`, {
    timeout: 60_000,
  }, async (t) => {
    const state = await directory(t)
    const ports = { receiver: await freePort(), balancer: await freePort(), admin: await freePort() }
    const receivers = `ws://127.0.0.1:${ports.receiver}`
    const service = (name: string) =>
      command(`NAME=${name} `)
        .replace('express-service.ts', example)
        .replace(/PORT=\d+/, 'PORT=0')
        .replace('./state', state)
    const start = () => ({
      receiver: run(t, command('npm run receiver').replace('./state', state), {
        HEARTLINE_PORT: String(ports.receiver),
      }),
      balancer: run(t, command('npm run balancer'), {
        HEARTLINE_PORT: String(ports.balancer),
        HEARTLINE_ADMIN_PORT: String(ports.admin),
        HEARTLINE_RECEIVERS: receivers,
      }),
      a: run(t, service('a'), { RECEIVERS: receivers }),
      b: run(t, service('b'), { RECEIVERS: receivers }),
    })
    const url = `http://127.0.0.1:${ports.balancer}/seats/12A`
    const show = async () => {
      const answer = await fetch(url)
      return { status: answer.status, body: await answer.json(), backend: answer.headers.get('x-heartline-backend') }
    }
    /** Until the balancer listens and an active is named; from then on no request may fail. */
    const first = async (balancer: Program, init?: RequestInit): Promise<Response> => {
      await balancer.printed(/listens on/)
      for (;;) {
        const answer = await fetch(url, init).catch(() => null)
        if (answer && answer.status < 500) return answer
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }

    const running = start()
    const [, curlType] = /-H '([^']+)'/.exec(command('-d '))!
    const [, curlBody] = /-d '([^']+)'/.exec(command('-d '))!
    const [name = '', value = ''] = curlType!.split(': ')
    const key = { 'idempotency-key': 'once' }
    const booked = await first(running.balancer, {
      method: 'POST',
      body: curlBody!,
      headers: { [name]: value, ...key },
    })
    assert.deepEqual([booked.status, await booked.json()], [201, { seat: '12A', user: 'ada' }])
    const active = booked.headers.get('x-heartline-backend') as 'a' | 'b'
    const [standby] = (['a', 'b'] as const).filter((other) => other !== active)
    await running[standby!].printed(/listens on/)
    await untilStandby(ports.receiver, standby!)

    const [, process9] = await running[active].printed(/process (\d+)$/)
    process.kill(Number(process9), 'SIGKILL')
    assert.deepEqual(await show(), { status: 200, body: { seat: '12A', user: 'ada' }, backend: standby })

    await Promise.all(Object.values(running).map((program) => program.kill()))
    const again = await first(start().balancer)
    assert.deepEqual([again.status, await again.json()], [200, { seat: '12A', user: 'ada' }])
  })
}

/** Until the receiver knows it as one that could take over. */
async function untilStandby(port: number, name: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/api/backends`)
    const backends = (await answer.json()) as { name: string; phase: string }[]
    if (backends.some((backend) => backend.name === name && backend.phase === 'standby')) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

test('each example is short, and the README tells of each', async () => {
  for (const name of ['counter.ts', 'express-service.ts', 'node-http-service.ts']) {
    assert.ok((await readFile(join(root, 'examples', name), 'utf8')).split('\n').length <= 60, name)
    assert.match(readme, new RegExp(`\\]\\(${name}\\)`))
  }
})
