/** What a broker runs on: a Java of 17 or later, and Kafka's published jars, fetched once by Maven into the user's cache. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { ComposeError } from '../errors.ts'

export const kafkaVersion = '4.3.0'
const javaMajorMin = 17
const fetchTimeoutMs = 10 * 60_000
const pomPath = fileURLToPath(new URL('./pom.xml', import.meta.url))
const run = promisify(execFile)

export interface KafkaRuntime {
  /** Path or name of the `java` to run. */
  java: string
  /** Its version, such as `17.0.15`. */
  javaVersion: string
  /** Holds the jars, and what is derived from them. */
  directory: string
  /** Value of `-cp`. */
  classPath: string
  /** Flags that make it start faster, or none. */
  startFlags: string[]
}

/** Finds Java, fetches what is missing, and says in one line what a person has to install. */
export async function prepareKafka(log: Logger, signal?: AbortSignal): Promise<KafkaRuntime> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java'
  const [javaVersion, directory] = await Promise.all([checkJava(java), fetchJars(log, signal)])
  const jars = (await readdir(directory)).filter((file) => file.endsWith('.jar')).sort()
  const classPath = jars.map((jar) => join(directory, jar)).join(':')
  return { java, javaVersion, directory, classPath, startFlags: [] }
}

async function checkJava(java: string): Promise<string> {
  const { stderr } = await run(java, ['-version']).catch((cause) => {
    const what = `Kafka ${kafkaVersion} needs Java ${javaMajorMin} or later`
    const advice = 'install it (such as openjdk-17-jre-headless), set JAVA_HOME, or use a running Kafka by --kafka'
    throw new ComposeError('JAVA_MISSING', `${what}, and ${java} cannot be run: ${advice}`, cause)
  })
  const version = parseJavaVersion(stderr)
  if (!version || version.major < javaMajorMin) {
    const found = version ? `${java} is ${version.text}` : `${java} does not say its version`
    throw new ComposeError('JAVA_TOO_OLD', `Kafka ${kafkaVersion} needs Java ${javaMajorMin} or later, and ${found}`)
  }
  return version.text
}

/** From what `java -version` prints, such as `openjdk version "17.0.15" 2025-04-15` or `java version "1.8.0_402"`. */
export function parseJavaVersion(output: string): { text: string; major: number } | undefined {
  const text = /version "([^"]+)"/.exec(output)?.[1]
  if (text === undefined) return undefined
  const [first, second] = text.split(/[._-]/).map(Number)
  const major = first === 1 ? second : first
  return major === undefined || Number.isNaN(major) ? undefined : { text, major }
}

async function fetchJars(log: Logger, signal?: AbortSignal): Promise<string> {
  const pom = await readFile(pomPath)
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'heartline')
  // Another pom is another directory, so an upgrade fetches anew and checkouts of several versions live side by side.
  const digest = createHash('sha256').update(pom).digest('hex').slice(0, 8)
  const directory = join(cache, `kafka-${kafkaVersion}-${digest}`)
  if (await exists(directory)) return directory

  await mkdir(cache, { recursive: true })
  const partial = await mkdtemp(`${directory}-partial-`)
  try {
    log.info({ event: 'fetching', directory }, `fetching Kafka ${kafkaVersion} with Maven, this once`)
    await runMaven(partial, signal)
    // Whole or not at all: of two that fetch at the same time, the second finds the first one's directory and uses it.
    await rename(partial, directory).catch(async (error) => {
      if (!(await exists(directory))) throw error
    })
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
  return directory
}

async function runMaven(output: string, signal?: AbortSignal): Promise<void> {
  const args = ['-B', '-q', '-f', pomPath, 'dependency:copy-dependencies', `-DoutputDirectory=${output}`]
  await run('mvn', args, { timeout: fetchTimeoutMs, ...(signal ? { signal } : {}) }).catch((cause) => {
    signal?.throwIfAborted()
    if (cause.code === 'ENOENT') {
      const advice = 'install it (such as apt install maven), or use a running Kafka by --kafka'
      throw new ComposeError(
        'MAVEN_MISSING',
        `Maven (mvn) is needed once, to fetch Kafka ${kafkaVersion}: ${advice}`,
        cause,
      )
    }
    const reason = /\[ERROR\] (.+)/.exec(`${cause.stdout}`)?.[1] ?? cause.message.split('\n')[0]
    throw new ComposeError('MAVEN_FAILED', `Maven could not fetch Kafka ${kafkaVersion}: ${reason}`, cause)
  })
}

/** True if there is something at `path`. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
