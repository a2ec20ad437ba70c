import type { Arena } from './arena.ts'
export class PackedMap {
  readonly arena: Arena
  readonly map = new Map<string, number>()
  readonly partitions = 1
  constructor(arena: Arena) {
    this.arena = arena
  }
  get size() {
    return this.map.size
  }
  find(key: string) {
    return this.map.get(key) ?? 0
  }
  textAt(a: number) {
    const b = this.arena.items[a]!
    return b.toString('utf8', 8 + b.readUInt32LE(0))
  }
  keyAt(a: number) {
    const b = this.arena.items[a]!
    return b.toString('utf8', 8, 8 + b.readUInt32LE(0))
  }
  put(key: string, text: string) {
    const k = Buffer.byteLength(key)
    const v = Buffer.byteLength(text)
    const b = Buffer.alloc(8 + k + v)
    b.writeUInt32LE(k)
    b.writeUInt32LE(v, 4)
    b.write(key, 8)
    b.write(text, 8 + k)
    const before = this.find(key)
    this.map.set(key, this.arena.items.push(b) - 1)
    return before
  }
  putEntry(source: Uint8Array, offset: number) {
    const s = Buffer.from(source.buffer, source.byteOffset, source.length)
    const k = s.readUInt32LE(offset)
    const v = s.readUInt32LE(offset + 4)
    return this.put(
      s.toString('utf8', offset + 8, offset + 8 + k),
      s.toString('utf8', offset + 8 + k, offset + 8 + k + v),
    )
  }
  remove(key: string) {
    const before = this.find(key)
    this.map.delete(key)
    return before
  }
  removeEntry(source: Uint8Array, offset: number) {
    const s = Buffer.from(source.buffer, source.byteOffset, source.length)
    return this.remove(s.toString('utf8', offset + 8, offset + 8 + s.readUInt32LE(offset)))
  }
  relink(key: string, before: number) {
    const now = this.find(key)
    if (before) this.map.set(key, before)
    else this.map.delete(key)
    return now
  }
  release(_: number) {}
  forEachIn(_: number, visit: (a: number) => void) {
    for (const a of this.map.values()) visit(a)
  }
  entryBytes(a: number) {
    return this.arena.items[a]!.length
  }
  copyEntry(a: number, t: Uint8Array, at: number) {
    t.set(this.arena.items[a]!, at)
    return this.arena.items[a]!.length
  }
}
