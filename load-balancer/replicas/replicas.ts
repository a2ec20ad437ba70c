/** Puts together what the options ask for: who spawns, how many are kept alive. */
import type { Logger } from 'pino'
import type { BalancerOptions } from '../config.ts'
import type { Membership } from '../membership.ts'
import { AutoReplicas } from './auto-replicas.ts'
import { defaultAutoscaleSettings } from './autoscale.ts'
import { parseCommand } from './command-line.ts'
import { DockerCli } from './docker-cli.ts'
import { defaultKeeperSettings } from './keeper.ts'
import { LocalProcesses } from './local-processes.ts'
import { madeUpNames } from './replica-names.ts'
import { ReplicaSet } from './replica-set.ts'
import type { Spawner } from './spawner.ts'

export interface ReplicaSources {
  readonly membership: Membership
  /** How many requests arrived since the start. */
  readonly arrived: () => number | Promise<number>
  readonly log: Logger
  /** Monotonic time, milliseconds. */
  readonly now: () => number
}

/** The servers that are spawned; undefined without `--spawn`. None is started before {@link startReplicas}. */
export function createReplicas(options: BalancerOptions, sources: ReplicaSources): ReplicaSet | undefined {
  const { spawn, spawnTimeoutMs, spawnCrashes } = options
  if (spawn === undefined) return undefined
  const settings = { ...defaultKeeperSettings, spawnTimeoutMs, crashesMax: spawnCrashes }
  return new ReplicaSet({ ...sources, settings, spawner: spawnerOf(options, spawn, sources.log) })
}

/**
 * Starts as many as `--replicas` says, and goes on to fit their number to the requests if it says `auto`. What it returns
 * ends that, not the servers.
 */
export function startReplicas(
  options: BalancerOptions,
  replicas: ReplicaSet,
  { membership, arrived, log, now }: ReplicaSources,
): () => void {
  const { replicas: wanted, replicaRate, replicaSeasonMs } = options
  const taken = () => membership.members.map(({ name }) => name)
  if (!wanted) return () => undefined
  const startWith = wanted.kind === 'fixed' ? wanted.count : wanted.min
  replicas.add(madeUpNames(startWith, new Set(taken())))
  if (wanted.kind === 'fixed') return () => undefined
  const { min, max } = wanted
  const scaled = { min, max, ratePerReplica: replicaRate!, seasonMs: replicaSeasonMs }
  const settings = { ...defaultAutoscaleSettings, ...scaled }
  const auto = new AutoReplicas({ settings, replicas, arrivals: arrived, taken, log, now })
  return () => auto.close()
}

function spawnerOf({ spawnNetwork, spawnPort }: BalancerOptions, spawn: string, log: Logger): Spawner {
  const command = parseCommand(spawn)!
  if (command.kind === 'process') return new LocalProcesses({ program: command.program, words: command.words, log })
  return new DockerCli({ image: command.image, words: command.words, network: spawnNetwork, port: spawnPort, log })
}
