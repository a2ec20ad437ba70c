/** Puts together what the options ask for: who spawns, how many are kept alive. */
import type { Logger } from 'pino'
import type { BalancerOptions } from '../config.ts'
import type { Membership } from '../membership.ts'
import { parseCommand } from './command-line.ts'
import { DockerCli } from './docker-cli.ts'
import { defaultKeeperSettings } from './keeper.ts'
import { LocalProcesses } from './local-processes.ts'
import { madeUpNames } from './replica-names.ts'
import { ReplicaSet } from './replica-set.ts'
import type { Spawner } from './spawner.ts'

export interface ReplicaSources {
  readonly membership: Membership
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

/** Starts as many as `--replicas` says. */
export function startReplicas(options: BalancerOptions, replicas: ReplicaSet): void {
  const wanted = options.replicas
  if (!wanted) return
  replicas.add(madeUpNames(wanted.kind === 'fixed' ? wanted.count : wanted.min, new Set()))
}

function spawnerOf({ spawnNetwork, spawnPort }: BalancerOptions, spawn: string, log: Logger): Spawner {
  const command = parseCommand(spawn)!
  if (command.kind === 'process') return new LocalProcesses({ program: command.program, words: command.words, log })
  return new DockerCli({ image: command.image, words: command.words, network: spawnNetwork, port: spawnPort, log })
}
