/** A Kafka in a container, by the compose file: one of its own for each run, removed with its data at the end. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { OrphanGuard } from '../../load-balancer/replicas/orphan-guard.ts'
import { ComposeError } from '../errors.ts'

const run = promisify(execFile)
const composeFile = fileURLToPath(new URL('../compose.yaml', import.meta.url))
/** What the compose file publishes. */
const address = '127.0.0.1:9092'
/** A daemon that does not answer is as good as none. */
const askTimeoutMs = 5_000
/** The first start fetches the image. */
const startTimeoutMs = 10 * 60_000
const stopTimeoutMs = 30_000

/** Resolves when it serves. @throws ComposeError DOCKER_UNUSABLE if there is no Docker here that can start it. */
export async function startDockerKafka(
  log: Logger,
  signal?: AbortSignal,
): Promise<{ brokers: string[]; stop(): Promise<void> }> {
  const project = `heartline-${randomBytes(4).toString('hex')}`
  const compose = (args: string[], timeout: number) =>
    docker(['compose', '-f', composeFile, '-p', project, ...args], timeout, signal)
  await docker(['info', '--format', '{{.ServerVersion}}'], askTimeoutMs, signal)
  await docker(['compose', 'version'], askTimeoutMs, signal)
  log.info({ event: 'starting', project }, 'starting Kafka in Docker')
  const guard = new OrphanGuard({ log, end: ['docker', 'rm', '--force', '--volumes'] })
  const container = `${project}-kafka-1`
  guard.add(container)
  const stop = async () => {
    await docker(['compose', '-f', composeFile, '-p', project, 'down', '--volumes'], stopTimeoutMs).catch(
      (error: Error) => log.warn({ error: error.message, project }, 'the Kafka in Docker could not be removed'),
    )
    guard.remove(container)
    await guard.close()
  }
  try {
    await compose(['up', '--wait', 'kafka'], startTimeoutMs)
  } catch (error) {
    await stop()
    throw error
  }
  return { brokers: [address], stop }
}

async function docker(args: string[], timeout: number, signal?: AbortSignal): Promise<void> {
  await run('docker', args, { timeout, ...(signal ? { signal } : {}) }).catch((cause) => {
    signal?.throwIfAborted()
    const said = `${cause.stderr ?? ''}`.trim().split('\n').at(-1)
    const reason = cause.code === 'ENOENT' ? 'docker cannot be run' : said || `docker did not answer: ${cause.message}`
    throw new ComposeError('DOCKER_UNUSABLE', `no Kafka can be started in Docker: ${reason}`, cause)
  })
}
