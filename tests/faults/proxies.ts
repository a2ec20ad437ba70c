/**
 * The fallback where namespaces may not be had: each process at a loopback address of its own, and relays between those that a row may cut apart.
 * Heartbeats and decisions go by a relay for each pair; requests by one for each backend, so that receivers' probes are silent too where a
 * backend is cut off from balancers. A backend behind a relay is not reached directly: its death is not proven by a refused connection.
 */
import { harness, type Network, type Place } from './network.ts'
import { type End, Relay } from './relay.ts'

const anybody = 'anybody'

interface Known {
  readonly from: string
  readonly to: string
  readonly relay: Relay
}

export class ProxyNetwork implements Network {
  readonly kind = 'proxies'
  readonly #names: readonly string[]
  readonly #subnet: number
  readonly #relays = new Map<string, Promise<Known>>()

  /** Networks of different `subnet`, 0 to 255, do not meet. */
  constructor(names: readonly string[], subnet: number) {
    this.#names = names
    this.#subnet = subnet
  }

  place(name: string): Place {
    return { host: this.#address(name), command: [] }
  }

  async route(to: string, port: number, from: string = anybody): Promise<End> {
    const target = { host: this.#address(to), port }
    // Of what no row cuts, nothing is relayed.
    if (!(from === anybody || (isOf(from, 'backend', 'balancer') && isOf(to, 'receiver')))) return target
    const key = `${from} ${to} ${port}`
    const known = this.#relays.get(key) ?? this.#open(from, to, target)
    this.#relays.set(key, known)
    return (await known).relay.end
  }

  async block(from: string, to: string): Promise<void> {
    if (from === harness || to === harness) throw new Error('proxies cannot cut anybody off from Kafka')
    for (const known of await Promise.all(this.#relays.values())) {
      if (dials(known, from, to)) known.relay.silence('there')
      if (dials(known, to, from)) known.relay.silence('back')
    }
  }

  async reset(from: string, to: string): Promise<number> {
    const found = (await Promise.all(this.#relays.values())).filter((known) => dials(known, from, to))
    return found.reduce((count, { relay }) => count + relay.reset(), 0)
  }

  async heal(): Promise<void> {
    for (const { relay } of await Promise.all(this.#relays.values())) relay.heal()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map(async (known) => (await known).relay.close()))
    this.#relays.clear()
  }

  async #open(from: string, to: string, target: End): Promise<Known> {
    return { from, to, relay: await Relay.open(target.host, target) }
  }

  #address(name: string): string {
    const index = name === harness ? 0 : this.#names.indexOf(name) + 1
    if (index === 0 && name !== harness) throw new Error(`there is no host ${name}`)
    return `127.213.${this.#subnet}.${index + 1}`
  }
}

/** Whether this is the way by which `from` reaches `to`; requests come from balancers. */
function dials(known: Known, from: string, to: string): boolean {
  return known.to === to && (known.from === from || (known.from === anybody && isOf(from, 'balancer')))
}

function isOf(name: string, ...kinds: string[]): boolean {
  return kinds.some((kind) => name.startsWith(`${kind}-`))
}
