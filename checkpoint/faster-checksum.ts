/**
 * kafkajs computes the checksum of what it sends byte by byte: 2.0 of the 3.4 ms that it takes to encode a record of 900 kB, and 0.5 with
 * {@link crc32c}. It has no option for that, so the one module that does it is replaced before the one that uses it is loaded, which kafkajs
 * does at its first batch. Only in the version that was read, and only if both give the same for known bytes; else kafkajs stays as it is.
 */
import { createRequire } from 'node:module'
import { crc32c } from './crc32c.ts'

const knownVersion = '2.2.4'
const checked = Buffer.from('123456789 123456789 123456789')
/** Of every alignment and rest. */
const checks = Array.from({ length: 9 }, (_, from) => checked.subarray(from))

/** Puts the checksum into the kafkajs that `require` finds. Returns why it did not, or null. */
export function installChecksum(require: NodeJS.Require): string | null {
  try {
    const { version } = require('kafkajs/package.json') as { version: string }
    if (version !== knownVersion) return `this is kafkajs ${version}, and ${knownVersion} is known`
    if (require.resolve('kafkajs/src/protocol/recordBatch/v0/index.js') in require.cache)
      return 'kafkajs has made batches before'
    const path = require.resolve('kafkajs/src/protocol/recordBatch/crc32C/index.js')
    const original = require(path) as typeof crc32c
    if (checks.some((bytes) => original(bytes) !== crc32c(bytes))) return 'the two checksums differ here'
    require.cache[path]!.exports = crc32c
    return null
  } catch (error) {
    return `kafkajs is built differently: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Why kafkajs has its own checksum still, or null. */
export const slowChecksum = installChecksum(createRequire(import.meta.url))
