import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import kafkajs from 'kafkajs'
import { crc32c } from './crc32c.ts'
import { installChecksum, slowChecksum } from './faster-checksum.ts'

const checksumPath = 'kafkajs/src/protocol/recordBatch/crc32C/index.js'
const batchPath = 'kafkajs/src/protocol/recordBatch/v0/index.js'
const batchSource = "exports.checksum = require('../crc32C/index.js')"
const original = `module.exports = ${bitByBit.toString()}`

/** A directory with a package that passes for kafkajs, made of these files. */
async function fakeKafkajs(t: TestContext, files: Record<string, string>): Promise<NodeJS.Require> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-kafkajs-'))
  t.after(() => rm(directory, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    const path = join(directory, 'node_modules', name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, text)
  }
  return createRequire(join(directory, 'index.js'))
}

function sound(version = '2.2.4'): Record<string, string> {
  return {
    'kafkajs/package.json': JSON.stringify({ version }),
    [checksumPath]: original,
    [batchPath]: batchSource,
  }
}

test('the kafkajs that is used here has the faster checksum', () => {
  const require = createRequire(import.meta.url)
  assert.equal(typeof kafkajs.Kafka, 'function')
  assert.equal(slowChecksum, null, 'although kafkajs was imported first')
  assert.equal(require(checksumPath), crc32c)
})

test('the module that makes batches gets it', async (t) => {
  const require = await fakeKafkajs(t, sound())
  assert.equal(installChecksum(require), null)
  assert.equal(require(batchPath).checksum, crc32c)
})

test('another version keeps its own', async (t) => {
  const require = await fakeKafkajs(t, sound('2.3.0'))
  assert.match(installChecksum(require)!, /2\.3\.0/)
  assert.notEqual(require(batchPath).checksum, crc32c)
})

test('one whose checksum is not ours keeps its own', async (t) => {
  const require = await fakeKafkajs(t, { ...sound(), [checksumPath]: 'module.exports = (bytes) => bytes.length' })
  assert.match(installChecksum(require)!, /differ/)
  assert.equal(require(batchPath).checksum(Buffer.from('abc')), 3)
})

test('one that was loaded before keeps its own, and it is said', async (t) => {
  const require = await fakeKafkajs(t, sound())
  require(batchPath)
  assert.match(installChecksum(require)!, /before/)
})

test('one that is built differently keeps its own', async (t) => {
  const { [batchPath]: _, ...files } = sound()
  assert.match(installChecksum(await fakeKafkajs(t, files))!, /differently/)
})

function bitByBit(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}
