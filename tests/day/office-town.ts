/** Ticket offices on a real Kafka, with reads to standbys: the active and its standbys die, hang, leave and join. */
import pino from 'pino'
import { startCluster } from '../../compose/cluster.ts'
import { askBackends, isReadyStandby, until } from '../../compose/demo-watch.ts'
import { type Random, randomBelow } from '../../compose/load/random.ts'
import type { BackendView } from '../../heartbeat-receiver/protocol.ts'
import { officeMix } from './requests.ts'
import { administer, members, type Town } from './town.ts'

const recoveryTimeoutMs = 30_000
const visitor = 'backend-4'

const kinds = [
  'kill active',
  'kill standby',
  'stop active',
  'stop standby',
  'hand over',
  'restart standby',
  'remove standby',
  'visit',
] as const
type Kind = (typeof kinds)[number]

export async function startOfficeTown(): Promise<Town<Kind>> {
  const log = pino({ level: 'silent' })
  const cluster = await startCluster({
    ...{ backends: 3, ports: 'free', topicPrefix: 'day', log },
    flags: { balancer: ['--reads', 'standby'] },
  })
  const { processes, adminUrl, receiverHttp } = cluster
  const { signal } = new AbortController()
  const waiting = (what: string) => ({ what, timeoutMs: recoveryTimeoutMs, signal })

  /** Resolves when one leads, and all others could take over and are members. */
  const allWell = (count: number) =>
    until(
      async () => {
        const backends = await askBackends(receiverHttp)
        const names = await members(adminUrl)
        const active = backends.filter((backend) => backend.alive && backend.active && backend.phase === 'active')
        const ready = backends.filter((backend) => isReadyStandby(backend) && names.includes(backend.name))
        return active.length === 1 && ready.length === count - 1
      },
      waiting(`${count} backends to be well`),
    )

  const oneOf = async (random: Random, filter: (backend: BackendView) => boolean): Promise<string> => {
    const found = (await askBackends(receiverHttp)).filter(filter)
    return found[randomBelow(random, found.length)]!.name
  }
  const startAgain = async (name: string) => {
    await cluster.startBackend(name)
    await allWell(cluster.backends.length)
  }
  const doing = {
    kill: async (name: string) => {
      const backend = processes.get(name)!
      backend.kill('SIGKILL')
      await backend.exited
      return () => startAgain(name)
    },
    stop: async (name: string) => {
      processes.get(name)!.kill('SIGSTOP')
      return async () => {
        processes.get(name)!.kill('SIGCONT')
        await allWell(cluster.backends.length)
      }
    },
    restart: async (name: string) => {
      await processes.stop(name)
      return () => startAgain(name)
    },
    remove: async (name: string) => {
      await administer(adminUrl, 'DELETE', '/rm', { n: 1, names: [name] })
      return async () => {
        await administer(adminUrl, 'POST', '/add', { n: 1, names: [name] })
        await allWell(cluster.backends.length)
      }
    },
    visit: async () => {
      await cluster.startBackend(visitor)
      await allWell(cluster.backends.length + 1)
      return async () => {
        await processes.stop(visitor)
        await allWell(cluster.backends.length)
      }
    },
  }
  const how: Record<Kind, keyof typeof doing> = {
    'kill active': 'kill',
    'kill standby': 'kill',
    'stop active': 'stop',
    'stop standby': 'stop',
    'hand over': 'restart',
    'restart standby': 'restart',
    'remove standby': 'remove',
    visit: 'visit',
  }
  try {
    await allWell(cluster.backends.length)
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return {
    url: cluster.balancerUrl,
    mix: officeMix,
    kinds,
    atOnce: 1, // else there would be nobody to take over
    async happen(kind, random) {
      const leads = kind.endsWith('active') || kind === 'hand over'
      const name = await oneOf(random, (backend) => (leads ? backend.alive && backend.active : isReadyStandby(backend)))
      return { what: kind === 'visit' ? kind : `${kind}: ${name}`, makeGood: await doing[how[kind]](name) }
    },
    async audit(counted) {
      const answer = await fetch(`${cluster.balancerUrl}/counters/day`, { headers: { 'cache-control': 'no-cache' } })
      const { value } = (await answer.json()) as { value: number }
      return value === counted ? null : `the counter is ${value}, and ${counted} increments were answered`
    },
    stop: () => cluster.stop(),
  }
}
