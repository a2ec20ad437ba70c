/** A PostgreSQL of our own, tuned as for a server that only books seats. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { BenchError } from '../errors.ts'
import { postgresqlDirectories, requireProgram, unprivilegedAccount, versionOf } from './installed.ts'
import { type Peer, startPeer, temporaryDirectory } from './peer-process.ts'

const run = promisify(execFile)

/** Everything that is not PostgreSQL's default. Durability is: `fsync`, `synchronous_commit` and `full_page_writes` stay on. */
export const postgresqlSettings: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '512MB',
  wal_buffers: '16MB',
  // Nobody replicates it, so it need not log for replicas.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // No checkpoint falls into a measurement.
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
  log_min_messages: 'warning',
}

/** @throws BenchError PEER_MISSING */
export async function startPostgresql(log: Logger): Promise<Peer & { version: string; url: string }> {
  const places = await postgresqlDirectories()
  const server = await requireProgram('postgres', 'PostgreSQL', places)
  const initdb = await requireProgram('initdb', 'PostgreSQL', places)
  const account = await unprivilegedAccount(['postgres'])
  const directory = await temporaryDirectory('postgresql', account)
  const data = join(directory, 'data')
  const format = ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C']
  await run(initdb, format, { ...account, cwd: directory }).catch((cause) => {
    throw new BenchError('PEER_FAILED', `PostgreSQL cannot make its data directory: ${cause.message}`, cause)
  })
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const settings = Object.entries({ ...postgresqlSettings, port: `${port}` })
  const peer = await startPeer({
    name: 'PostgreSQL',
    file: server,
    args: ['-D', data, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    port,
    directory,
    account,
    stopSignal: 'SIGINT', // its fast shutdown; SIGTERM would wait for the clients
    log,
  })
  const url = `postgresql://bench@127.0.0.1:${port}/postgres`
  return { ...peer, version: `PostgreSQL ${/\d+(\.\d+)+/.exec(await versionOf(server, ['--version']))?.[0]}`, url }
}
