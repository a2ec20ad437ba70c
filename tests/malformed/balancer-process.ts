/** A balancer in a process of its own, in front of one backend, which answers what it holds when it is asked. */
import { pino } from 'pino'
import { runBalancer } from '../../load-balancer/balancer.ts'
import { balancerOptions } from '../../load-balancer/config.ts'
import { FakeFollower } from '../../load-balancer/test-cluster.ts'

/** What the process holds. */
export interface Holdings {
  port: number
  rssBytes: number
  heapBytes: number
  /** Sockets of any kind. */
  sockets: number
  timers: number
}

const [url, options] = process.argv.slice(2)
const follower = new FakeFollower()
follower.decide({ shard: 0, epoch: 1, name: 'a', incarnation: 'a-1', url: url!, exactlyOnce: false })
const { port } = await runBalancer(
  balancerOptions.parse({ port: 0, adminPort: 0, ...JSON.parse(options ?? '{}') }),
  follower,
  pino({ level: 'error' }),
  new AbortController().signal,
)

function holdings(): Holdings {
  ;(globalThis as { gc?: () => void }).gc?.()
  const resources = process.getActiveResourcesInfo()
  const { rss, heapUsed } = process.memoryUsage()
  return {
    port,
    rssBytes: rss,
    heapBytes: heapUsed,
    sockets: resources.filter((name) => name === 'TCPSocketWrap').length,
    timers: resources.filter((name) => name === 'Timeout').length,
  }
}

process.on('message', () => process.send!(holdings()))
process.on('disconnect', () => process.exit())
process.send!(holdings())
