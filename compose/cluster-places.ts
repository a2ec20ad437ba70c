/** Who is part of a cluster, and where each listens: names, ports and the flags that say so. */
import { freePorts } from './kafka/ports.ts'

/** Ports that people know. Receivers and backends count up by one; balancers by two, for each has one of its own for administration. */
export interface ClusterPorts {
  kafka: number
  receiver: number
  balancer: number
  admin: number
  backend: number
}

export interface PlaceOptions {
  backends: number
  /** Default 1 of each. */
  receivers?: number
  balancers?: number
  ports: 'free' | ClusterPorts
  host?: string
}

export interface ClusterPlaces {
  readonly names: { receivers: string[]; balancers: string[]; backends: string[] }
  readonly kafkaPort: number
  /** The command and its flags as far as they tell who it is and where it listens. */
  receiverArgs(name: string): string[]
  balancerArgs(name: string): string[]
  backendArgs(name: string): string[]
}

/** Decides where each is to listen. With several receivers, or with several balancers, each is found there again when it was restarted. */
export async function choosePlaces(options: PlaceOptions): Promise<ClusterPlaces> {
  const { receivers: receiverCount = 1, balancers: balancerCount = 1, ports, host = '127.0.0.1' } = options
  const receivers = namesOf('receiver', receiverCount)
  const balancers = namesOf('balancer', balancerCount)
  const backends = Array.from({ length: options.backends }, (_, index) => `backend-${index + 1}`)

  const { kafka, receiver, balancer, admin, backend } = ports === 'free' ? noneKnown : ports
  // All at once, so that no port is given twice.
  const free = await freePorts('127.0.0.1', receiverCount + 2 * balancerCount)
  const portsFrom = (known: number, count: number, step: number) => {
    const found = free.splice(0, count)
    if (known > 0) return found.map((_, index) => known + index * step)
    return count === 1 ? [0] : found
  }
  const receiverPorts = portsFrom(receiver, receiverCount, 1)
  const balancerPorts = portsFrom(balancer, balancerCount, 2)
  const adminPorts = portsFrom(admin, balancerCount, 2)
  const peersOf = (name: string) => {
    const others = receiverPorts.filter((_, index) => receivers[index] !== name)
    return others.length === 0 ? [] : ['--peers', others.map((port) => `ws://${dialled(host)}:${port}`).join(',')]
  }
  const listen = (port: number) => ['--host', host, '--port', `${port}`]
  return {
    names: { receivers, balancers, backends },
    kafkaPort: kafka,
    receiverArgs: (name) => {
      return ['receiver', ...listen(receiverPorts[receivers.indexOf(name)]!), '--name', name, ...peersOf(name)]
    },
    balancerArgs: (name) => {
      const index = balancers.indexOf(name)
      return ['balancer', ...listen(balancerPorts[index]!), '--admin-port', `${adminPorts[index]!}`]
    },
    backendArgs: (name) => {
      const port = backend === 0 ? 0 : backend + Number(name.slice('backend-'.length)) - 1
      return ['backend', ...listen(port), '--name', name]
    },
  }
}

const noneKnown: ClusterPorts = { kafka: 0, receiver: 0, balancer: 0, admin: 0, backend: 0 }

function namesOf(kind: string, count: number): string[] {
  return count === 1 ? [kind] : Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`)
}

/** Where others on this machine reach who listens on `host`. */
function dialled(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
