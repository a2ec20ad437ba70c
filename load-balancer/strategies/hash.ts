/** Hashes that place keys and members on the ring. Well spread and quick, no secret: not for signatures. Pure. */

/**
 * 32 bits of a text: FNV-1a over its UTF-16 code units, then mixed, since FNV alone leaves the high bits of short and similar
 * texts (`user-1`, `user-2`) close together.
 */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return mixBits(hash)
}

/** Every bit of the result depends on every bit of `bits`; one to one. The finalizer of MurmurHash3 (Appleby, public domain). */
export function mixBits(bits: number): number {
  let mixed = bits
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
