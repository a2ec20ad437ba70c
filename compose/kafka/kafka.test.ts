import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import kafkajs from 'kafkajs'
import { pino } from 'pino'
import { lastProblem } from './broker.ts'
import { openDataDirectory } from './data-directory.ts'
import { startKafka } from './kafka.ts'
import { missingTools } from './missing-tools.ts'
import { parseJavaVersion } from './runtime.ts'

const log = pino({ level: 'silent' })
const patienceMs = 15_000
const skip = missingTools()

test('a started broker serves: what is produced is fetched', { skip }, async (t) => {
  const kafka = await startKafka({ port: 0, brokers: 1, log })
  t.after(() => kafka.stop())
  assert.deepEqual(await roundTrip(kafka.brokers, ['one', 'two']), ['one', 'two'])
})

test('stop leaves no process and is safe to repeat', { skip }, async (t) => {
  const kafka = await startKafka({ port: 0, brokers: 1, log })
  t.after(() => kafka.stop())
  const [pid] = kafka.pids
  assert.ok(pid !== undefined && isAlive(pid))
  await kafka.stop()
  assert.equal(isAlive(pid), false)
  assert.deepEqual(kafka.pids, [])
  await kafka.stop()
})

test('a data directory keeps its records, also after kill -9', { skip }, async (t) => {
  const dataDir = await temporaryDirectory(t)
  const first = await startKafka({ port: 0, brokers: 1, dataDir, log })
  t.after(() => first.stop())
  await roundTrip(first.brokers, ['kept'])
  first.kill(0)
  await first.stop()
  const second = await startKafka({ port: 0, brokers: 1, dataDir, log })
  t.after(() => second.stop())
  assert.deepEqual(await roundTrip(second.brokers, []), ['kept'])
  await assert.rejects(openDataDirectory(dataDir, 3), {
    code: 'DATA_DIR_UNUSABLE',
    message: `the data directory ${dataDir} cannot be used: it holds the data of a Kafka of 1 broker; start it with --brokers 1`,
  })
})

test('a broker that dies unasked is told, and comes back on the same port', { skip }, async (t) => {
  const kafka = await startKafka({ port: 0, brokers: 1, log })
  t.after(() => kafka.stop())
  process.kill(kafka.pids[0]!, 'SIGKILL')
  assert.equal((await kafka.died).message, 'Kafka was killed by SIGKILL')
  await kafka.restart(0)
  assert.deepEqual(await roundTrip(kafka.brokers, ['back']), ['back'])
})

test('no broker and no temporary directory outlives a launcher that is killed', { skip }, async (t) => {
  const temporary = await temporaryDirectory(t)
  const main = new URL('../main.ts', import.meta.url).pathname
  const launcher = spawn(process.execPath, [main, 'kafka', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: temporary },
  })
  t.after(() => launcher.kill('SIGKILL'))
  const [text] = await once(createInterface({ input: launcher.stdout }), 'line')
  const line = JSON.parse(text)
  assert.equal(line.event, 'listening')
  assert.match(line.msg, /^ready: Kafka .+ at 127\.0\.0\.1:\d+$/)
  t.after(() => isAlive(line.pids[0]) && process.kill(line.pids[0], 'SIGKILL'))
  launcher.kill('SIGKILL')
  await until(() => !isAlive(line.pids[0]), 'the broker is gone')
  await until(async () => (await directoriesIn(temporary)) === 0, 'its directory is gone')
})

test('a port in use is one line that says what to do', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  await assert.rejects(startKafka({ port, brokers: 1, log }), {
    code: 'PORT_IN_USE',
    message: `port ${port} of 127.0.0.1 is in use: stop what listens there, choose another by --port, or use it by --kafka 127.0.0.1:${port}`,
  })
})

test('a directory that belongs to somebody else is refused, not formatted', async (t) => {
  const directory = await temporaryDirectory(t)
  await writeFile(join(directory, 'thesis.txt'), 'years of work')
  await assert.rejects(openDataDirectory(directory, 1), {
    code: 'DATA_DIR_UNUSABLE',
    message: /it is not empty, and not a data directory/,
  })
  await assert.rejects(openDataDirectory(join(directory, 'thesis.txt'), 1), {
    code: 'DATA_DIR_UNUSABLE',
    message: /EEXIST|ENOTDIR/,
  })
})

test('a directory that cannot be made is refused at once', async () => {
  await assert.rejects(openDataDirectory('/proc/none', 1), {
    code: 'DATA_DIR_UNUSABLE',
    message: /ENOENT|EACCES|EPERM|ENOTSUP/,
  })
})

test('an old Java is recognised by what it says of itself', () => {
  assert.deepEqual(parseJavaVersion('openjdk version "17.0.15" 2025-04-15'), { text: '17.0.15', major: 17 })
  assert.deepEqual(parseJavaVersion('java version "1.8.0_402"'), { text: '1.8.0_402', major: 8 })
  assert.deepEqual(parseJavaVersion('openjdk version "25" 2025-09-16'), { text: '25', major: 25 })
  assert.equal(parseJavaVersion('command not found'), undefined)
})

test('the reason of a failure is the innermost exception of the log', () => {
  const text = `2026-01-01 [main] ERROR kafka.Kafka - Exiting Kafka due to fatal exception
java.lang.RuntimeException: outer
\tat kafka.Kafka.main(Kafka.java)
Caused by: java.net.BindException: Address already in use
\tat sun.nio.ch.Net.bind0(Native Method)`
  assert.equal(lastProblem(text), 'java.net.BindException: Address already in use')
  assert.equal(lastProblem('[main] WARN all is well'), undefined)
})

/** Sends each value to one topic and reads back what the topic then holds. */
async function roundTrip(brokers: string[], values: string[]): Promise<string[]> {
  const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING })
  const admin = kafka.admin()
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  const consumer = kafka.consumer({ groupId: `test-${Date.now()}`, allowAutoTopicCreation: false })
  const topic = 'round-trip'
  try {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, replicationFactor: 1 }], waitForLeaders: true })
    await producer.connect()
    for (const value of values) await producer.send({ topic, acks: -1, messages: [{ value }] })
    const [partition] = await admin.fetchTopicOffsets(topic)
    const expected = Number(partition!.high)
    const read: string[] = []
    await consumer.subscribe({ topic, fromBeginning: true })
    const complete = new Promise<void>((resolve) => {
      const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
        if (read.push(`${message.value}`) === expected) resolve()
      }
      void consumer.run({ eachMessage })
    })
    await complete
    return read
  } finally {
    await Promise.all([admin.disconnect(), producer.disconnect(), consumer.disconnect()])
  }
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-test-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function directoriesIn(directory: string): Promise<number> {
  return (await readdir(directory)).filter((name) => name.startsWith('heartline-kafka-')).length
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
