/**
 * Each process in a network namespace of its own, joined by a bridge (`ip-netns(8)`, `veth(4)`), so that a cut is a cut of packets: nobody is told.
 * A block is a neighbour entry with an address that nobody has: what is sent goes out and arrives nowhere. It needs no packet filter, which not
 * every kernel has.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { OrphanGuard } from '../../load-balancer/replicas/orphan-guard.ts'
import { harness, type Network, type Place } from './network.ts'

const run = promisify(execFile)
const subnetFirst = 100
const subnetLast = 250
/** Locally administered, and nobody's. */
const nobody = '02:00:00:00:00:01'
/** Removes what was listed, namespace or link, when we cannot do so ourselves. */
const removal = ['sh', '-c', 'for name; do ip netns del "$name" || ip link del "$name"; done', 'removal']

interface Host {
  readonly namespace: string | undefined
  readonly device: string
  /** The end of its cable that is plugged into the bridge. */
  readonly outside: string | undefined
  readonly address: string
}

/** Undefined where this user or this kernel cannot have namespaces; `reason` is then said. */
export async function openNamespaces(
  names: readonly string[],
  log: Logger,
): Promise<NamespaceNetwork | { readonly reason: string }> {
  const guard = new OrphanGuard({ log, end: removal })
  const network = new NamespaceNetwork(guard)
  try {
    await network.open(names)
    return network
  } catch (error) {
    await network.close()
    const { stderr, message } = error as Error & { stderr?: string }
    return { reason: (stderr || message).trim().split('\n').at(-1) ?? '' }
  }
}

export class NamespaceNetwork implements Network {
  readonly kind = 'namespaces'
  readonly #guard: OrphanGuard
  readonly #hosts = new Map<string, Host>()
  readonly #blocked = new Map<string, readonly [Host, Host]>()
  #bridge: string | undefined

  constructor(guard: OrphanGuard) {
    this.#guard = guard
  }

  async open(names: readonly string[]): Promise<void> {
    const subnet = await this.#claimSubnet()
    const bridge = this.#bridge!
    const prefix = `10.213.${subnet}`
    // The first is what our own clients come from; Kafka has one to itself, so that who is cut off from it still hears clients.
    for (const last of [1, 2]) await ip('addr', 'add', `${prefix}.${last}/24`, 'dev', bridge)
    await ip('link', 'set', bridge, 'up')
    this.#hosts.set(harness, { namespace: undefined, device: bridge, outside: undefined, address: `${prefix}.2` })
    await Promise.all(names.map((name, index) => this.#addHost(name, index, `${prefix}.${index + 10}`)))
  }

  place(name: string): Place {
    const { namespace, address } = this.#host(name)
    return {
      host: address,
      command: namespace === undefined ? [] : ['nsenter', `--net=/run/netns/${namespace}`],
    }
  }

  async route(to: string, port: number): Promise<{ host: string; port: number }> {
    return { host: this.#host(to).address, port }
  }

  async block(from: string, to: string): Promise<void> {
    const [here, there] = [this.#host(from), this.#host(to)]
    this.#blocked.set(`${from} ${to}`, [here, there])
    await ip(...at(here), 'neigh', 'replace', there.address, 'lladdr', nobody, 'dev', here.device, 'nud', 'permanent')
  }

  async reset(from: string, to: string): Promise<number> {
    const { namespace } = this.#host(from)
    const inside = namespace === undefined ? [] : [`--net=/run/netns/${namespace}`]
    const kill = ['ss', '--kill', '--tcp', '--no-header', 'state', 'established', 'dst', this.#host(to).address]
    const { stdout } = await run('nsenter', [...inside, ...kill])
    return stdout.split('\n').filter((line) => line.trim() !== '').length
  }

  async heal(): Promise<void> {
    const blocked = [...this.#blocked.values()]
    this.#blocked.clear()
    await Promise.all(
      blocked.map(([here, there]) => ip(...at(here), 'neigh', 'del', there.address, 'dev', here.device)),
    )
  }

  async close(): Promise<void> {
    const hosts = [...this.#hosts.values()]
    this.#hosts.clear()
    await Promise.all(
      hosts.map(async ({ namespace, outside }) => {
        // A namespace goes only with its last socket; its cable must be gone before another is made of this name.
        if (outside !== undefined) await this.#remove(outside, 'link', 'del', outside)
        if (namespace !== undefined) await this.#remove(namespace, 'netns', 'del', namespace)
      }),
    )
    const bridge = this.#bridge
    this.#bridge = undefined
    if (bridge !== undefined) await this.#remove(bridge, 'link', 'del', bridge)
    await this.#guard.close()
  }

  /** Making the bridge is what claims the subnet: there cannot be two of one name. */
  async #claimSubnet(): Promise<number> {
    for (let subnet = subnetFirst; ; subnet++) {
      const bridge = `hlf${subnet}`
      try {
        await ip('link', 'add', 'name', bridge, 'type', 'bridge')
        this.#bridge = bridge
        this.#guard.add(bridge)
        return subnet
      } catch (error) {
        if (subnet === subnetLast || !/File exists/.test(`${(error as { stderr?: string }).stderr}`)) throw error
      }
    }
  }

  async #addHost(name: string, index: number, address: string): Promise<void> {
    const namespace = `${this.#bridge}-${name}`
    const outside = `${this.#bridge}v${index}`
    await ip('netns', 'add', namespace)
    this.#guard.add(namespace)
    this.#hosts.set(name, { namespace, device: 'eth0', outside: undefined, address })
    await ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    this.#guard.add(outside)
    this.#hosts.set(name, { namespace, device: 'eth0', outside, address })
    await ip('link', 'set', outside, 'master', this.#bridge!, 'up')
    await ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    await ip('-n', namespace, 'link', 'set', 'lo', 'up')
    await ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  }

  async #remove(name: string, ...command: string[]): Promise<void> {
    await ip(...command)
    this.#guard.remove(name)
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name)
    if (!host) throw new Error(`there is no host ${name}`)
    return host
  }
}

function at({ namespace }: Host): string[] {
  return namespace === undefined ? [] : ['-n', namespace]
}

function ip(...args: string[]): Promise<unknown> {
  return run('ip', args)
}
