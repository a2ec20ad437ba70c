/**
 * Reads a record of the journal, as the format at the head of checkpoint/record.ts describes it and by none of its code: a mistake
 * there must not judge itself.
 */

export interface PlainClaim {
  readonly type: 'claim'
  readonly reign: readonly [epoch: number, attempt: number]
  readonly incarnation: string
}

export interface PlainChange {
  readonly map: string
  readonly key: string
  /** JSON text; null if the key was deleted. */
  readonly text: string | null
}

export interface PlainTransaction {
  /** Session and number, as `session/number`; null if it has none. */
  readonly request: string | null
  readonly changes: readonly PlainChange[]
}

export interface PlainCommit {
  readonly type: 'commit'
  readonly reign: readonly [epoch: number, attempt: number]
  readonly incarnation: string
  readonly transactions: readonly PlainTransaction[]
}

export type PlainRecord = PlainClaim | PlainCommit

const nothing = 0xffffffff

/** @throws Error for anything that is not version 2 of a claim or a commit */
export function readPlainRecord(value: Uint8Array): PlainRecord {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  let at = 0
  const u32 = () => {
    at += 4
    return bytes.readUInt32LE(at - 4)
  }
  const text = (length: number) => {
    at += length
    return bytes.toString('utf8', at - length, at)
  }
  const readChange = (): PlainChange => {
    const map = text(u32())
    const keyBytes = u32()
    const valueBytes = u32()
    const key = text(keyBytes)
    return { map, key, text: valueBytes === nothing ? null : text(valueBytes) }
  }
  const readTransaction = (): PlainTransaction => {
    const [marksBytes, responseBytes, changeCount] = [u32(), u32(), u32()]
    const marks = marksBytes === 0 ? {} : (JSON.parse(text(marksBytes)) as { request?: [string, number, number] })
    if (responseBytes !== nothing) text(responseBytes)
    const changes = Array.from({ length: changeCount }, readChange)
    return { request: marks.request ? `${marks.request[0]}/${marks.request[1]}` : null, changes }
  }
  if (bytes[0] !== 2 || (bytes[1] !== 1 && bytes[1] !== 2)) throw new Error('neither a claim nor a commit of version 2')
  at = 2
  const { reign, incarnation } = JSON.parse(text(u32())) as Pick<PlainClaim, 'reign' | 'incarnation'>
  if (bytes[1] === 1) return { type: 'claim', reign, incarnation }
  return { type: 'commit', reign, incarnation, transactions: Array.from({ length: u32() }, readTransaction) }
}
