/** Servers as containers, through Docker's command line: whoever may use `docker` may use this, and no library is between. */
import { execFile } from 'node:child_process'
import type { Logger } from 'pino'
import { untilAccepts } from './accepting.ts'
import { Child } from './child.ts'
import { environmentOf, fillIn } from './command-line.ts'
import { OrphanGuard } from './orphan-guard.ts'
import type { Place, Spawned, Spawner } from './spawner.ts'

/** How long a container may take to end after SIGTERM, seconds; shorter than the balancer's own deadline. */
const stopGraceSeconds = 4
/** How long `docker` may take for anything but `run`, milliseconds. */
const commandTimeoutMs = 8_000
/** How long a connection must stand: Docker's own proxy accepts for a container that does not listen yet, and closes at once. */
const standsMs = 100

export interface DockerOptions {
  readonly image: string
  /** What follows the image, with placeholders. */
  readonly words: readonly string[]
  /** The network that containers join and on which the balancer is; without one a port of loopback is published. */
  readonly network: string | undefined
  /** The port on which a container listens; undefined: the one that was found free, which it is told. */
  readonly port: number | undefined
  readonly log: Logger
}

/** Where a container is, and the arguments of `docker` that start it. Pure. */
export function containerOf(place: Place, { image, words, network, port }: Omit<DockerOptions, 'log'>) {
  const { name } = place
  const inside: Place = { name, port: port ?? place.port }
  const container = `heartline-${name}`
  const reached =
    network === undefined
      ? ['--publish', `127.0.0.1:${place.port}:${inside.port}`]
      : ['--network', network, '--network-alias', name]
  const told = Object.entries(environmentOf(inside)).flatMap(([variable, value]) => ['--env', `${variable}=${value}`])
  return {
    container,
    url: network === undefined ? `http://127.0.0.1:${place.port}` : `http://${name}:${inside.port}`,
    run: [
      ...['run', '--rm', '--name', container, '--hostname', name, '--label', 'heartline=replica'],
      ...reached,
      ...told,
      image,
      ...fillIn(words, inside),
    ],
  }
}

export class DockerCli implements Spawner {
  readonly #options: DockerOptions
  readonly #guard: OrphanGuard
  readonly #running = new Map<string, Spawned>()

  constructor(options: DockerOptions) {
    this.#options = options
    this.#guard = new OrphanGuard({ log: options.log, end: ['docker', 'rm', '--force'] })
  }

  spawn(place: Place): Spawned {
    const { log } = this.#options
    const { container, url, run } = containerOf(place, this.#options)
    const child = new Child({ name: place.name, program: 'docker', words: run, log })
    this.#guard.add(container)
    const exited = this.#exited(place.name, container, child)
    const spawned: Spawned = {
      url,
      exited,
      accepts: (signal) => untilAccepts(url, standsMs, signal),
      stop: () => this.#stop(place.name, container, child, exited),
    }
    this.#running.set(container, spawned)
    return spawned
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((spawned) => spawned.stop()))
    await this.#guard.close()
  }

  async #exited(name: string, container: string, child: Child): Promise<string> {
    const reason = await child.exited
    // Without `docker run` the container lives on, unseen, and keeps its name.
    if (child.signalled) await this.#docker(name, ['rm', '--force', container])
    this.#running.delete(container)
    this.#guard.remove(container)
    return reason
  }

  async #stop(name: string, container: string, child: Child, exited: Promise<string>): Promise<void> {
    if (!this.#running.has(container)) return
    const stopped = await this.#docker(name, ['stop', '-t', String(stopGraceSeconds), container])
    // Not there yet, or Docker did not answer: without `docker run` none comes, and what came is removed.
    if (!stopped) child.kill('SIGKILL')
    await exited
  }

  /** True if Docker did it. */
  #docker(name: string, words: readonly string[]): Promise<boolean> {
    return new Promise((resolve) => {
      execFile('docker', words, { timeout: commandTimeoutMs }, (error) => {
        if (error)
          this.#options.log.warn(
            { event: 'docker failed', backend: name, reason: error.message.trim() },
            `docker ${words[0]} failed for ${name}`,
          )
        resolve(error === null)
      })
    })
  }
}
