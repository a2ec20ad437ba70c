import { createHash } from 'node:crypto'

/** The digest of an empty history. */
export const emptyDigest = '0'.repeat(32)

/**
 * The running digest after one more valid record: a hash chain, so two histories with equal digests are equal.
 * 128 bits of SHA-256 in hexadecimal; chance, not malice, is what it guards against.
 */
export function nextDigest(digest: string, value: Uint8Array): string {
  return createHash('sha256').update(digest).update(value).digest('hex').slice(0, 32)
}
