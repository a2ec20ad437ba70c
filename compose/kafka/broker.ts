/** One broker: a Java process and the directory it lives in. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { ComposeError } from '../errors.ts'
import type { Exit } from '../processes.ts'
import { exists, type KafkaRuntime } from './runtime.ts'
import {
  type BrokerPlace,
  brokerJvmFlags,
  consolePath,
  dataDirectory,
  loggerFlags,
  logPath,
  propertiesPath,
  serverProperties,
} from './settings.ts'

const formatTimeoutMs = 60_000
const pollIntervalMs = 20
const run = promisify(execFile)

export class Broker {
  readonly place: BrokerPlace
  readonly #runtime: KafkaRuntime
  readonly #log: Logger
  #child: ChildProcess | undefined
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null })
  #alive = false

  constructor(place: BrokerPlace, runtime: KafkaRuntime, log: Logger) {
    this.place = place
    this.#runtime = runtime
    this.#log = log
  }

  get pid(): number | undefined {
    return this.#alive ? this.#child?.pid : undefined
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Settles, never rejects, when the process started last has ended. */
  get exited(): Promise<Exit> {
    return this.#exited
  }

  /** Writes its settings, and its storage if that was never formatted. */
  async format(clusterId: string, cluster: BrokerPlace[]): Promise<void> {
    const properties = propertiesPath(this.place)
    await mkdir(dataDirectory(this.place), { recursive: true })
    await writeFile(properties, serverProperties(this.place, cluster))
    if (await exists(`${dataDirectory(this.place)}/meta.properties`)) return
    // A short life: the first compiler and the simplest collector start fastest.
    const flags = [
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      ...this.#runtime.startFlags,
      ...loggerFlags('System.err'),
    ]
    const tool = [
      '-cp',
      this.#runtime.classPath,
      'kafka.tools.StorageTool',
      'format',
      '-t',
      clusterId,
      '-c',
      properties,
    ]
    await run(this.#runtime.java, [...flags, ...tool], { timeout: formatTimeoutMs }).catch((cause) => {
      const reason = lastProblem(`${cause.stderr}`) ?? cause.message.split('\n')[0]
      throw new ComposeError('DATA_DIR_UNUSABLE', `Kafka cannot format ${dataDirectory(this.place)}: ${reason}`, cause)
    })
  }

  /** Starts the process; `flags` are more flags of its JVM. */
  async start(flags: string[] = []): Promise<void> {
    const output = await open(consolePath(this.place), 'w')
    try {
      const jvm = [...brokerJvmFlags(this.place), ...this.#runtime.startFlags, ...flags, '-cp', this.#runtime.classPath]
      const child = spawn(this.#runtime.java, [...jvm, 'kafka.Kafka', propertiesPath(this.place)], {
        stdio: ['ignore', output.fd, output.fd],
        // A session of its own: Ctrl-C at the terminal must not end it before those who use it.
        detached: true,
      })
      this.#child = child
      this.#alive = true
      this.#exited = new Promise((resolve) => {
        const ended = (exit: Exit) => {
          this.#alive = false
          resolve(exit)
        }
        child.once('exit', (code, signal) => ended({ code, signal }))
        child.once('error', (error) => {
          this.#log.error({ broker: this.place.id, error: error.message }, 'the process of a Kafka broker failed')
          if (child.pid === undefined) ended({ code: null, signal: null })
        })
      })
    } finally {
      await output.close()
    }
  }

  /** Resolves once its port takes connections; rejects with its own words if it ends before. */
  async untilListening(signal: AbortSignal): Promise<void> {
    while (!(await accepts(this.place.host, this.place.port))) {
      if (!this.#alive) throw await this.failure()
      signal.throwIfAborted()
      await new Promise((resolve) => setTimeout(resolve, pollIntervalMs))
    }
    // Somebody else may have taken the port that the broker then failed to get.
    if (!this.#alive) throw await this.failure()
  }

  /** Why it ended, from what it wrote last. */
  async failure(): Promise<ComposeError> {
    const texts = await Promise.all(
      [logPath(this.place), consolePath(this.place)].map((path) => readFile(path, 'utf8').catch(() => '')),
    )
    const reason = lastProblem(texts[0]!) ?? lastProblem(texts[1]!) ?? `it left no reason in ${logPath(this.place)}`
    const code = /Address already in use/.test(texts.join('\n')) ? 'PORT_IN_USE' : 'KAFKA_FAILED'
    return new ComposeError(code, `Kafka broker ${this.place.id} ended: ${reason}`)
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.#alive && (this.#child?.kill(signal) ?? false)
  }

  /** SIGTERM, then SIGKILL after `graceMs`; resolves when the process has ended. */
  async stop(graceMs: number): Promise<void> {
    if (!this.#alive) return
    this.signal('SIGTERM')
    // A stopped process sees its SIGTERM only once it continues.
    this.signal('SIGCONT')
    const insist = setTimeout(() => {
      this.#log.warn({ broker: this.place.id, graceMs }, 'a Kafka broker did not end in time and is killed')
      this.signal('SIGKILL')
    }, graceMs)
    await this.#exited
    clearTimeout(insist)
  }
}

/** The last exception of a Java log, in one line. */
export function lastProblem(text: string): string | undefined {
  const lines = text.split('\n').map((line) => line.trim())
  const exception = lines.findLast((line) =>
    /^(Caused by: |Exception in thread "[^"]*" )?[\w.$]+(Exception|Error): ./.test(line),
  )
  return (exception ?? lines.findLast((line) => / (ERROR|FATAL) /.test(line)))
    ?.replace(/^Caused by: /, '')
    .slice(0, 500)
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
