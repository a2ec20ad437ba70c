import assert from 'node:assert/strict'
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { chooseJournal, type KafkaMeans } from './cluster-journal.ts'
import { ComposeError, type ComposeErrorCode } from './errors.ts'

const log = pino({ level: 'silent' })

/** A machine with what is named, and the list of what was asked of it. */
function machine(has: { kafka?: ComposeErrorCode; docker?: ComposeErrorCode | 'works' } = {}) {
  const asked: string[] = []
  const means: KafkaMeans = {
    prepare: async () => {
      asked.push('kafka')
      if (has.kafka) throw new ComposeError(has.kafka, 'Kafka needs Java, and there is none: install it')
    },
    inDocker: async () => {
      asked.push('docker')
      if (has.docker !== 'works') throw new ComposeError(has.docker ?? 'DOCKER_UNUSABLE', 'no Docker')
      return { brokers: ['127.0.0.1:9092'], stop: async () => void asked.push('stop') }
    },
  }
  return { means, asked }
}

async function directoryWith(t: TestContext, ...files: string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-choice-'))
  t.after(() => rm(directory, { recursive: true }))
  for (const file of files) await writeFile(join(directory, file), '{}')
  return directory
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )

test('what --kafka says is used, and nothing is looked for', async () => {
  const { means, asked } = machine()
  for (const kafka of [['a:1', 'b:2'], ['file:x']]) {
    const journal = await chooseJournal({ kafka }, log, undefined, means)
    assert.deepEqual([journal.kafka, journal.line], [kafka, `the journal is at ${kafka.join(',')}, as --kafka says`])
  }
  assert.deepEqual(asked, [])
})

test('a Kafka that can be started here comes first', async () => {
  const { means, asked } = machine({ docker: 'works' })
  const journal = await chooseJournal({}, log, undefined, means)
  assert.equal(journal.kafka, undefined)
  assert.match(journal.line, /a Kafka that is started here/)
  assert.deepEqual(asked, ['kafka'])
})

test('then one in Docker, which is ended with the cluster', async () => {
  const { means, asked } = machine({ kafka: 'JAVA_MISSING', docker: 'works' })
  const journal = await chooseJournal({}, log, undefined, means)
  assert.deepEqual(journal.kafka, ['127.0.0.1:9092'])
  assert.match(journal.line, /in Docker .*\(Kafka needs Java, and there is none\)/)
  await journal.release()
  assert.deepEqual(asked, ['kafka', 'docker', 'stop'])
})

test('then the embedded journal, in a directory that goes with the cluster; the line says why', async () => {
  for (const kafka of ['JAVA_MISSING', 'JAVA_TOO_OLD', 'MAVEN_MISSING', 'MAVEN_FAILED'] as const) {
    const journal = await chooseJournal({}, log, undefined, machine({ kafka }).means)
    const directory = journal.kafka?.[0]?.replace(/^file:/, '') ?? ''
    assert.match(
      journal.line,
      /embedded .* one machine, .*: no Kafka was given, none can be started \(.*\), nor one in Docker/,
    )
    assert.ok(journal.line.includes(directory) && (await isThere(directory)))
    await journal.release()
    assert.equal(await isThere(directory), false)
  }
})

test('what went wrong otherwise is told, and nothing is kept elsewhere instead', async () => {
  const { means, asked } = machine({ kafka: 'PORT_IN_USE', docker: 'works' })
  await assert.rejects(chooseJournal({}, log, undefined, means), { code: 'PORT_IN_USE' })
  assert.deepEqual(asked, ['kafka'])
})

test('a directory with data goes on with what wrote them', async (t) => {
  const embedded = await directoryWith(t, 'heartline.journal.0.sqlite')
  const withKafka = machine()
  const journal = await chooseJournal({ dataDir: embedded }, log, undefined, withKafka.means)
  assert.deepEqual([journal.kafka, withKafka.asked], [[`file:${embedded}`], []])

  const kafka = await directoryWith(t, 'heartline-kafka.json')
  assert.equal((await chooseJournal({ dataDir: kafka }, log, undefined, machine().means)).kafka, undefined)
  const withNode = machine({ kafka: 'JAVA_MISSING', docker: 'works' })
  await assert.rejects(chooseJournal({ dataDir: kafka }, log, undefined, withNode.means), { code: 'JAVA_MISSING' })
  assert.deepEqual(withNode.asked, ['kafka'])
})

test('a directory for data that is new, or to come, gets the embedded journal where no Kafka can be started', async (t) => {
  const empty = await directoryWith(t)
  for (const dataDir of [empty, join(empty, 'to-come')]) {
    const { means, asked } = machine({ kafka: 'MAVEN_MISSING', docker: 'works' })
    const journal = await chooseJournal({ dataDir }, log, undefined, means)
    assert.deepEqual([journal.kafka, asked], [[`file:${dataDir}`], ['kafka']])
    await journal.release()
  }
  assert.ok(await isThere(empty), 'it is the person’s, and stays')
  const file = join(await directoryWith(t, 'file'), 'file')
  await assert.rejects(chooseJournal({ dataDir: file }, log, undefined, machine().means), { code: 'DATA_DIR_UNUSABLE' })
})

test('three brokers are had of Kafka or not at all', async () => {
  const { means } = machine({ kafka: 'JAVA_MISSING' })
  await assert.rejects(chooseJournal({ brokers: 3 }, log, undefined, means), { code: 'JAVA_MISSING' })
})
