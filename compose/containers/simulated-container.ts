/** A process of the image as a container would have it: process 1 of its own, under the image's account. No network of its own: ports are mapped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastOf, readDockerfile } from './dockerfile.ts'

export interface ContainerSpec {
  /** The root of the image. */
  readonly image: string
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** What `heartline health` asks, as the ports are others here. */
  readonly healthAt: string
}

/** The environment of a container is the image's and the service's, and nothing of this machine's but where Node is. */
function environmentOf({ image, environment }: ContainerSpec): Record<string, string> {
  return { NODE_ENV: 'production', PATH: `${join(image, 'app/bin')}:${process.env.PATH}`, ...environment }
}

/** What a command is put behind to be process 1 under the image's account; nothing for those who may not. */
async function isolation(): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  const [uid, gid] = lastOf((await readDockerfile()).at(-1)!, 'USER')!.split(':')
  return [
    ...['unshare', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL'],
    ...['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--bounding-set=-all', '--no-new-privs'],
  ]
}

export class SimulatedContainer {
  readonly #spec: ContainerSpec
  readonly #child: ChildProcess
  readonly #isolated: boolean
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  #said = ''

  static async start(spec: ContainerSpec): Promise<SimulatedContainer> {
    return new SimulatedContainer(spec, await isolation())
  }

  private constructor(spec: ContainerSpec, before: string[]) {
    this.#spec = spec
    this.#isolated = before.length > 0
    const [file, ...args] = [...before, 'heartline', ...spec.argv] as [string, ...string[]]
    this.#child = spawn(file, args, {
      cwd: join(spec.image, 'app'),
      env: environmentOf(spec),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk: Buffer) => {
        this.#said = `${this.#said}${chunk}`.slice(-8_000)
      })
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal }))
      this.#child.once('error', (error) => {
        this.#said += error.message
        resolve({ code: null, signal: null })
      })
    })
  }

  /** The last that it said. */
  get said(): string {
    return this.#said
  }

  /** Runs the image's health check in it; its exit code and its line. */
  async health(): Promise<{ code: number; said: string }> {
    const { image, environment, healthAt } = this.#spec
    const env = { ...environmentOf(this.#spec), ...environment, HEARTLINE_AT: healthAt, HEARTLINE_TIME_LIMIT: '10s' }
    return new Promise((resolve) => {
      execFile(join(image, 'app/bin/heartline'), ['health'], { env }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), said: `${stdout}${stderr}` }),
      )
    })
  }

  async untilHealthy(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      const { code, said } = await this.health()
      if (code === 0) return
      if (performance.now() > deadlineMs) throw new Error(`${this.#spec.argv.join(' ')}: ${said}; ${this.#said}`)
      await sleep(200)
    }
  }

  /** Sends a signal to the process itself, from outside, as a container's runtime does. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.#child
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const inside = this.#isolated
      ? Number(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => ''))
      : pid
    if (inside > 0) process.kill(inside, signal)
  }
}
