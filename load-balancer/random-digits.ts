/** Random digits for trace ids, drawn in advance: a call of the system for each request would cost more than the rest of them. */
import { randomFillSync } from 'node:crypto'

/** Bytes of one trace id and one parent id. */
const takenBytes = 24
const pool = Buffer.allocUnsafe(takenBytes * 256)
let usedBytes = pool.length

/** 48 hexadecimal digits. */
export function randomDigits(): string {
  if (usedBytes === pool.length) {
    randomFillSync(pool)
    usedBytes = 0
  }
  usedBytes += takenBytes
  return pool.toString('hex', usedBytes - takenBytes, usedBytes)
}
