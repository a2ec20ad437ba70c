/** What a state comes to, in one number and two counts, in whatever order its keys stand. Pure. */

export interface StateSum {
  readonly keys: number
  /** Characters of all keys and of their values' JSON texts: for ASCII, bytes. */
  readonly bytes: number
  /** Sum of a hash of each key with its value. */
  readonly sum: number
}

export function sumOf(entries: Iterable<readonly [string, unknown]>): StateSum {
  let keys = 0
  let bytes = 0
  let sum = 0
  for (const [key, value] of entries) {
    const text = JSON.stringify(value)
    keys++
    bytes += key.length + text.length
    sum += hashOf(`${key} ${text}`)
  }
  return { keys, bytes, sum }
}

/** FNV-1a, 32 bits: sums of millions stay exact. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash >>> 0
}
