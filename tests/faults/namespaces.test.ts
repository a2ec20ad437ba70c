import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { pino } from 'pino'
import { NamespaceNetwork, openNamespaces } from './namespaces.ts'
import { cut, harness } from './network.ts'

const log = pino({ level: 'silent' })
const run = promisify(execFile)
const connectMs = 400
/** Connects, says what came of it, and goes on saying what becomes of it. */
const dial = `
const socket = require('node:net').connect(Number(process.argv[1]), process.argv[2])
socket.setTimeout(${connectMs}, () => { console.log('silence'); process.exit() })
socket.on('connect', () => { socket.setTimeout(0); console.log('connected') })
socket.on('error', ({ code }) => { console.log(code); process.exit() })
`

async function open(t: TestContext): Promise<NamespaceNetwork | undefined> {
  const network = await openNamespaces(['one', 'two'], log)
  if (network instanceof NamespaceNetwork) {
    t.after(() => network.close())
    return network
  }
  t.skip(`no network namespaces: ${network.reason}`)
  return undefined
}

/** A server here, and a way to dial it from a place: the first word of what became of it, and the next. */
async function listener(t: TestContext, network: NamespaceNetwork) {
  const sockets: Socket[] = []
  const server = createServer((socket) => sockets.push(socket.on('error', () => {})))
  server.listen(0, network.place(harness).host)
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as { port: number }
  return async (from: string) => {
    const [file = '', ...before] = [...network.place(from).command, process.execPath]
    const child = spawn(file, [...before, '-e', dial, `${port}`, network.place(harness).host])
    t.after(() => child.kill('SIGKILL'))
    const next = async () => `${(await once(child.stdout, 'data'))[0]}`.trim()
    return { word: await next(), next }
  }
}

test('what is cut off hears nothing, the others do, and healing ends it', async (t) => {
  const network = await open(t)
  if (!network) return
  const from = await listener(t, network)
  assert.equal((await from('one')).word, 'connected')
  await cut(network, 'one', [harness])
  assert.deepEqual(await Promise.all([from('one'), from('two')].map(async (dialled) => (await dialled).word)), [
    'silence',
    'connected',
  ])
  await network.heal()
  assert.equal((await from('one')).word, 'connected')
})

test('a block is of one direction', async (t) => {
  const network = await open(t)
  if (!network) return
  const from = await listener(t, network)
  await network.block(harness, 'one')
  assert.equal((await from('one')).word, 'silence', 'the answer does not arrive')
  await network.heal()
  await network.block('two', 'one')
  assert.equal((await from('one')).word, 'connected', 'others do not matter')
})

test('a reset connection is known to be gone, and new ones come about', async (t) => {
  const network = await open(t)
  if (!network) return
  const from = await listener(t, network)
  const { word, next } = await from('one')
  assert.equal(word, 'connected')
  const heard = next()
  assert.equal(await network.reset('one', harness), 1)
  assert.match(await heard, /^ECONN/)
  assert.equal((await from('one')).word, 'connected')
})

test('nothing stays behind', async (t) => {
  const network = await open(t)
  if (!network) return
  const listed = async () => `${(await run('ip', ['netns', 'list'])).stdout}${(await run('ip', ['link'])).stdout}`
  const bridge = /--net=\/run\/netns\/(hlf\d+)-one/.exec(network.place('one').command.join(' '))![1]!
  assert.ok((await listed()).includes(bridge))
  await network.close()
  assert.ok(!(await listed()).includes(bridge))
})
