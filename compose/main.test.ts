import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
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

test('status asks the next receiver of the list, hands over the token, and prints one JSON object', async (t) => {
  const asked: Array<string | undefined> = []
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`)
    response.setHeader('content-type', 'application/json').end('[]')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const receiver = `ws://127.0.0.1:${(server.address() as { port: number }).port}`
  // Port 1 is tcpmux: nobody has it.
  const result = await heartline(['status', '--json', '--receivers', `ws://127.0.0.1:1,${receiver}`], {
    HEARTLINE_TOKEN: 'hush',
  })
  assert.deepEqual([result.code, result.stderr], [0, ''])
  assert.deepEqual(JSON.parse(result.stdout), { receiver, backends: [], decisions: [] })
  assert.deepEqual(asked.toSorted(), ['/api/backends Bearer hush', '/api/decisions Bearer hush'])
})
