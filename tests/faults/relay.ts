/** A TCP relay between two processes, which can fall silent in either direction, or reset what it carries: a middlebox. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface End {
  readonly host: string
  readonly port: number
}

interface Pair {
  /** Of whoever dialled. */
  readonly near: Socket
  /** Missing while nobody is dialled, for the relay is silent. */
  far: Socket | undefined
}

export class Relay {
  readonly #server: Server
  readonly #target: End
  readonly #pairs = new Set<Pair>()
  readonly #silent = { there: false, back: false }

  private constructor(server: Server, target: End) {
    this.#server = server
    this.#target = target
  }

  /** Listens on a free port of `host`; resolves when it does. */
  static async open(host: string, target: End): Promise<Relay> {
    const server = createServer({ pauseOnConnect: true })
    const relay = new Relay(server, target)
    server.on('connection', (near) => relay.#take(near))
    server.listen(0, host)
    await once(server, 'listening')
    return relay
  }

  get end(): End {
    const { address, port } = this.#server.address() as { address: string; port: number }
    return { host: address, port }
  }

  /** From now on nothing goes `there`, to the target, or `back` to whoever dialled it; not even that a connection ended. */
  silence(direction: 'there' | 'back'): void {
    this.#silent[direction] = true
    for (const { near, far } of this.#pairs) {
      if (direction === 'there') near.unpipe(far)
      else far?.unpipe(near)
    }
  }

  /** What was kept back arrives. */
  heal(): void {
    this.#silent.there = false
    this.#silent.back = false
    for (const pair of this.#pairs) {
      if (pair.far === undefined) this.#dial(pair)
      else if (pair.near.destroyed || pair.far.destroyed) this.#end(pair)
      else this.#carry(pair)
    }
  }

  /** Resets every connection, at both ends; how many there were. */
  reset(): number {
    const pairs = [...this.#pairs]
    for (const pair of pairs) {
      this.#pairs.delete(pair)
      pair.near.resetAndDestroy()
      pair.far?.resetAndDestroy()
    }
    return pairs.length
  }

  async close(): Promise<void> {
    this.reset()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get #isSilent(): boolean {
    return this.#silent.there || this.#silent.back
  }

  #take(near: Socket): void {
    const pair: Pair = { near, far: undefined }
    this.#pairs.add(pair)
    near.setNoDelay(true)
    near.on('error', () => {}) // its close says it
    near.once('close', () => this.#lost(pair, 'there'))
    if (!this.#isSilent) this.#dial(pair)
  }

  #dial(pair: Pair): void {
    const far = connect(this.#target)
    pair.far = far
    far.setNoDelay(true)
    far.on('error', () => {}) // its close says it
    far.once('close', () => this.#lost(pair, 'back'))
    this.#carry(pair)
  }

  #carry({ near, far }: Pair): void {
    if (!far) return
    if (!this.#silent.there) near.pipe(far)
    if (!this.#silent.back) far.pipe(near)
  }

  #lost(pair: Pair, direction: 'there' | 'back'): void {
    if (!this.#silent[direction] || pair.far === undefined) this.#end(pair)
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair)
    pair.near.destroy()
    pair.far?.destroy()
  }
}
