/** What is analysed: backends and a balancer, real processes, fresh for each run. */
import type { Logger } from 'pino'
import { Processes } from '../../compose/processes.ts'
import { type Child, startChild } from '../child.ts'
import { Cleanup } from '../cleanup.ts'
import { mustHold } from '../errors.ts'
import type { BackendSays } from './stateless-backend.ts'

/** The header that consistent hashing goes by. */
export const keyHeader = 'x-key'

export interface BackendSpec {
  name: string
  /** Of `/process`. */
  delayMs: readonly [shortest: number, longest: number]
  weight?: number
}

export interface ServiceSpec {
  strategy: string
  backends: readonly BackendSpec[]
  /** How much above the mean consistent hashing loads a backend; 0 for no bound. */
  hashBound?: number
  seed: number
}

/** How many requests one backend had under way when (Unix milliseconds). */
export type InFlightSamples = readonly [atMs: number, inFlight: number][]

const readyTimeoutMs = 30_000
const answerTimeoutMs = 10_000

export class Service {
  readonly url: string
  readonly #backends: ReadonlyMap<string, Child<string, BackendSays>>
  readonly #cleanup: Cleanup

  private constructor(url: string, backends: ReadonlyMap<string, Child<string, BackendSays>>, cleanup: Cleanup) {
    this.url = url
    this.#backends = backends
    this.#cleanup = cleanup
  }

  /** Resolves when all of it listens. To be stopped. */
  static async start(spec: ServiceSpec, log: Logger): Promise<Service> {
    const cleanup = new Cleanup()
    try {
      const backends = new Map<string, Child<string, BackendSays>>()
      for (const [index, { name, delayMs }] of spec.backends.entries()) {
        const module = new URL('./stateless-backend.ts', import.meta.url)
        const backend = await startChild<string, BackendSays>(module, [
          name,
          ...[...delayMs, spec.seed + index].map(String),
        ])
        cleanup.add(() => backend.stop())
        backends.set(name, backend)
      }
      const processes = new Processes({ log })
      cleanup.add(() => processes.stopAll())
      const registered = spec.backends.map(({ name, weight = 1 }) => {
        const { first } = backends.get(name)!
        mustHold('port' in first, `${name} does not say where it listens`)
        return `${name}=http://127.0.0.1:${first.port}*${weight}`
      })
      const { url } = await processes.start({
        name: 'balancer',
        args: balancerArguments(spec, registered),
        readyTimeoutMs,
      })
      mustHold(url !== undefined, 'the balancer does not say where it listens')
      return new Service(url, backends, cleanup)
    } catch (error) {
      await cleanup.run()
      throw error
    }
  }

  /** `kill -9`. */
  kill(name: string): void {
    this.#backends.get(name)!.kill('SIGKILL')
  }

  /** Of each living backend, by name. */
  async inFlight(): Promise<Map<string, InFlightSamples>> {
    const found = new Map<string, InFlightSamples>()
    for (const [name, backend] of this.#backends) {
      const said = await backend.ask('samples', answerTimeoutMs)
      mustHold('samples' in said, `${name} does not say what it had under way`)
      found.set(name, said.samples)
    }
    return found
  }

  stop(): Promise<void> {
    return this.#cleanup.run()
  }
}

function balancerArguments({ strategy, hashBound }: ServiceSpec, backends: readonly string[]): string[] {
  const ports = ['--port', '0', '--admin-port', '0']
  const hashing = [
    '--hash-key',
    `header:${keyHeader}`,
    ...(hashBound === undefined ? [] : ['--hash-bound', `${hashBound}`]),
  ]
  return [
    'balancer',
    ...ports,
    '--receivers',
    'none',
    '--backends',
    backends.join(','),
    '--strategy',
    strategy,
    ...hashing,
  ]
}
