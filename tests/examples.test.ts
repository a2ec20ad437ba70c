/** The examples, run as their README tells a reader to run them: its own commands, with other ports and another directory. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { freePort } from '../load-balancer/replicas/free-port.ts'
import { commandIn, stateDirectory as directory, type Program, run, untilStandby } from './reader.ts'

const root = join(import.meta.dirname, '..')
/** A service as it was, and made failover-proof. */
const pair = ['notes-before.ts', 'notes-after.ts'] as const
const command = (part: string) => commandIn('examples/README.md', part)

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
      command(`NAME=${name} PORT=900${name === 'a' ? 1 : 2} KAFKA=file:./state`)
        .replace('express-service.ts', example)
        .replace(/PORT=\d+/, 'PORT=0')
        .replace('./state', state)
    const start = () => ({
      receiver: run(t, command('npm run receiver -- --kafka file:./state').replace('./state', state), {
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
    const [, curlType] = /-H '([^']+)'/.exec(command('"user"'))!
    const [, curlBody] = /-d '([^']+)'/.exec(command('"user"'))!
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

test('each example is short, and the README tells of each', async () => {
  const readme = await readFile(join(root, 'examples/README.md'), 'utf8')
  for (const name of ['counter.ts', 'express-service.ts', 'node-http-service.ts', ...pair]) {
    assert.ok((await readFile(join(root, 'examples', name), 'utf8')).split('\n').length <= 60, name)
    assert.match(readme, new RegExp(`\\]\\(${name}\\)`))
  }
})

test('an Express service is made failover-proof by ten changed lines, and the README says how many', async () => {
  const files = pair.map((name) => join(root, 'examples', name))
  // It ends with 1 where the two differ.
  const told = await new Promise<string>((resolve) =>
    execFile('git', ['diff', '--no-index', '--numstat', ...files], (_, stdout) => resolve(stdout)),
  )
  const [, added, removed] = /^(\d+)\t(\d+)\t/.exec(told) ?? assert.fail(told)
  assert.ok(Number(added) <= 10 && Number(removed) <= 10, told)
  const readme = await readFile(join(root, 'examples/README.md'), 'utf8')
  assert.match(readme, new RegExp(`${added} lines added, ${removed} removed`))
})

test('the service as it was loses its notes with its process', { timeout: 30_000 }, async (t) => {
  const port = String(await freePort())
  const notes = notesAt(`http://127.0.0.1:${port}/notes`)
  const before = run(t, `exec node examples/${pair[0]}`, { PORT: port })
  await answering(() => notes.read(1))
  assert.deepEqual(await notes.post('first'), { status: 201, body: { id: '1', text: 'first' } })
  assert.deepEqual(await notes.read(1), { status: 200, body: { id: '1', text: 'first' } })
  await before.kill()
  run(t, `exec node examples/${pair[0]}`, { PORT: port })
  assert.equal((await answering(() => notes.read(1))).status, 404)
})

test('the same made failover-proof: its active is killed while notes are posted, and each is there once', {
  timeout: 60_000,
}, async (t) => {
  const state = await directory(t)
  const port = { receiver: await freePort(), balancer: await freePort(), admin: await freePort() }
  const receivers = `ws://127.0.0.1:${port.receiver}`
  const there = (line: string) => line.replace('./notes', state).replace(/PORT=\d+/, 'PORT=0')
  run(t, there(command('npm run receiver -- --kafka file:./notes')), { HEARTLINE_PORT: `${port.receiver}` })
  const ports = { HEARTLINE_PORT: `${port.balancer}`, HEARTLINE_ADMIN_PORT: `${port.admin}` }
  run(t, command('npm run balancer'), { ...ports, HEARTLINE_RECEIVERS: receivers })
  const copy = (name: string) =>
    run(t, there(`exec env ${command(`NAME=${name} PORT=900${name === 'a' ? 1 : 2} KAFKA=file:./notes`)}`), {
      RECEIVERS: receivers,
    })
  const copies = { a: copy('a'), b: copy('b') }
  const notes = notesAt(`http://127.0.0.1:${port.balancer}/notes`)
  await answering(() => notes.read(1))
  const { name: active, standby } = await rolesAt(port.receiver)
  await untilStandby(port.receiver, standby)

  const posted: { id: string; text: string }[] = []
  const eachAtLeast = 20
  let killed = false
  let after = 0
  const client = async (name: string) => {
    for (let count = 1; after < 4 * eachAtLeast; count++) {
      const { status, body } = await notes.post(`${name}-${count}`)
      assert.deepEqual([status, body.text], [201, `${name}-${count}`], JSON.stringify(body))
      posted.push(body as { id: string; text: string })
      if (killed) after++
    }
  }
  const clients = Promise.all(['ada', 'bob', 'cai', 'dee'].map(client))
  await Promise.race([clients, until(() => posted.length >= 4 * eachAtLeast)])
  await copies[active].kill()
  killed = true
  await clients

  assert.equal((await rolesAt(port.receiver)).name, standby)
  const ids = posted.map(({ id }) => Number(id)).sort((left, right) => left - right)
  assert.deepEqual(
    ids,
    [...ids.keys()].map((index) => index + 1),
    'no note was lost, none was written twice',
  )
  for (const { id, text } of posted) assert.deepEqual((await notes.read(id)).body, { id, text })
  assert.equal((await notes.read(ids.length + 1)).status, 404)
})

/** The notes of a service, as a client has them. */
function notesAt(url: string) {
  const answered = async (answer: Response) => ({
    status: answer.status,
    body: (await answer.json()) as { id?: string; text?: string },
  })
  const headers = { 'content-type': 'application/json' }
  return {
    read: async (id: number | string) => answered(await fetch(`${url}/${id}`)),
    post: async (text: string) =>
      answered(await fetch(url, { method: 'POST', headers, body: JSON.stringify({ text }) })),
  }
}

/** Asks until a server is there and answers; from then on no request may fail. */
async function answering<Answer extends { status: number }>(ask: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await ask().catch(() => null)
    if (answer && answer.status < 500) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** Which of the two copies is active. */
async function rolesAt(port: number): Promise<{ name: 'a' | 'b'; standby: 'a' | 'b' }> {
  const { name } = (await (await fetch(`http://127.0.0.1:${port}/active`)).json()) as { name: 'a' | 'b' }
  return { name, standby: name === 'a' ? 'b' : 'a' }
}
