/** Servers without state behind agents, with a receiver and a balancer whose strategy changes: processes of their own, but the receiver. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { memoryJournal } from '../../checkpoint/index.ts'
import { until } from '../../compose/demo-watch.ts'
import { freePorts } from '../../compose/kafka/ports.ts'
import { type Random, randomBelow } from '../../compose/load/random.ts'
import { type ManagedProcess, Processes } from '../../compose/processes.ts'
import { receiverOptions } from '../../heartbeat-receiver/index.ts'
import { startReceiver } from '../../heartbeat-receiver/service.ts'
import { strategies } from '../../load-balancer/config.ts'
import { shopMix } from './requests.ts'
import { administer, members, type Town } from './town.ts'

const shop = fileURLToPath(new URL('./shop.ts', import.meta.url))
const names = ['shop-1', 'shop-2', 'shop-3', 'shop-4']
const joinTimeoutMs = 30_000
/** How long a request may take to end at a server that was taken out by hand, milliseconds. */
const drainMs = 500
/** A stopped server is noticed by its checks. */
const checks = ['--check', '/health', '--check-interval', '100ms', '--check-timeout', '250ms', '--check-failures', '2']

const faults = ['kill', 'kill agent', 'stop', 'stop agent', 'restart', 'remove', 'slow', 'visit'] as const
type Fault = (typeof faults)[number]
type Kind = Fault | `go by ${(typeof strategies)[number]}`

interface Shop {
  readonly agent: ManagedProcess
  readonly url: string
  /** Of the server itself. */
  readonly pid: number
}

export async function startShopTown(): Promise<Town<Kind>> {
  const log = pino({ level: 'silent' })
  const stopping = new AbortController()
  const { signal } = stopping
  const receiver = await startReceiver(receiverOptions.parse({ port: 0, name: 'day' }), log, signal, {
    journal: memoryJournal(),
  })
  const processes = new Processes({ log })
  const ports = await freePorts('127.0.0.1', names.length)
  const shops = new Map<string, Shop>()
  const visitors = new Set<ChildProcess>()
  const disturbed = new Set<string>()
  let adminUrl = ''

  const stop = async () => {
    for (const visitor of visitors) visitor.kill('SIGKILL')
    for (const { pid } of shops.values()) resume(pid)
    await processes.stopAll([['balancer'], names])
    stopping.abort()
    await receiver.done
  }

  const open = async (name: string): Promise<void> => {
    const port = ports[names.indexOf(name)]!
    const url = `http://127.0.0.1:${port}`
    const place = ['--url', url, '--name', name, '--receivers', receiver.url, ...checks]
    let pid = 0
    const agent = await processes.start({
      name,
      args: ['agent', ...place, '--', process.execPath, shop, String(port)],
      onLine: (line) => {
        if (line.event === 'started') pid = Number(line.pid)
      },
    })
    shops.set(name, { agent, url, pid })
    await inRotation(name)
  }

  const inRotation = (name: string) =>
    until(async () => (await members(adminUrl)).includes(name), {
      ...{ what: `${name} to be a member`, timeoutMs: joinTimeoutMs, signal },
    })

  /** How to do each, and how to make it good. */
  const doing: Record<Fault, (name: string, shop: Shop) => Promise<() => Promise<void>>> = {
    kill: async (name, { agent, pid }) => {
      process.kill(pid, 'SIGKILL')
      await agent.exited
      return () => open(name)
    },
    'kill agent': async (name, { agent, url }) => {
      agent.kill('SIGKILL')
      await agent.exited
      await untilGone(url) // its guard ends the server
      return () => open(name)
    },
    stop: async (name, { pid }) => {
      process.kill(pid, 'SIGSTOP')
      return async () => {
        process.kill(pid, 'SIGCONT')
        await inRotation(name)
      }
    },
    'stop agent': async (name, { agent }) => {
      agent.kill('SIGSTOP')
      return async () => {
        agent.kill('SIGCONT')
        await inRotation(name)
      }
    },
    restart: async (name) => {
      await processes.stop(name)
      return () => open(name)
    },
    remove: async (name) => {
      await administer(adminUrl, 'DELETE', '/rm', { n: 1, names: [name] })
      return async () => {
        await administer(adminUrl, 'POST', '/add', { n: 1, names: [name] })
        await inRotation(name)
      }
    },
    slow: async (_name, { url }) => {
      await (await fetch(`${url}/slow/120`)).arrayBuffer()
      return async () => void (await (await fetch(`${url}/slow/0`)).arrayBuffer())
    },
    visit: async () => {
      const [port] = await freePorts('127.0.0.1', 1)
      const visitor = spawn(process.execPath, [shop, String(port), 'leashed'], { stdio: ['pipe', 'pipe', 'ignore'] })
      visitors.add(visitor)
      await once(visitor.stdout!, 'data')
      const named = `127.0.0.1:${port}`
      await administer(adminUrl, 'POST', '/add', { n: 1, hostnames: [named] })
      return async () => {
        await administer(adminUrl, 'DELETE', '/rm', { n: 1, hostnames: [named] })
        await delay(drainMs)
        visitor.kill('SIGKILL')
        visitors.delete(visitor)
      }
    },
  }

  try {
    const flags = ['--port', '0', '--admin-port', '0', '--receivers', receiver.url, '--strategy', 'round-robin']
    const balancer = await processes.start({ name: 'balancer', args: ['balancer', ...flags] })
    adminUrl = String(balancer.listening.adminUrl)
    await Promise.all(names.map(open))
    return {
      url: balancer.url!,
      mix: shopMix,
      kinds: [...faults, ...strategies.map((strategy) => `go by ${strategy}` as const)],
      atOnce: names.length - 2,
      async happen(kind, random: Random) {
        if (!isFault(kind)) {
          await administer(adminUrl, 'PUT', '/strategy', {
            strategy: kind.slice('go by '.length),
            hashKey: 'query:item',
          })
          return { what: kind, makeGood: async () => undefined }
        }
        const well = names.filter((name) => !disturbed.has(name))
        const name = well[randomBelow(random, well.length)]!
        disturbed.add(name)
        const makeGood = await doing[kind](name, shops.get(name)!)
        return {
          what: kind === 'visit' ? kind : `${kind} ${name}`,
          makeGood: () => makeGood().then(() => void disturbed.delete(name)),
        }
      },
      audit: async () => null,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function isFault(kind: Kind): kind is Fault {
  return (faults as readonly string[]).includes(kind)
}

/** Lets a process go on that may be stopped, or gone. */
function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // Gone.
  }
}

async function untilGone(url: string): Promise<void> {
  const deadlineMs = performance.now() + joinTimeoutMs
  while (performance.now() < deadlineMs) {
    try {
      await (await fetch(`${url}/health`)).arrayBuffer()
    } catch {
      return
    }
    await delay(10)
  }
  throw new Error(`${url} is still there`)
}
