/** A Redis of our own that keeps an append-only file and no snapshots. */
import type { Logger } from 'pino'
import { freePorts } from '../../compose/kafka/ports.ts'
import { requireProgram, versionOf } from './installed.ts'
import { type Peer, startPeer, temporaryDirectory } from './peer-process.ts'

/** When Redis syncs its file: before every answer, or once a second (which loses that second when the machine dies). */
export type AppendFsync = 'always' | 'everysec'

/** @throws BenchError PEER_MISSING */
export async function startRedis(appendFsync: AppendFsync, log: Logger): Promise<Peer & { version: string }> {
  const server = await requireProgram('redis-server', 'Redis')
  const directory = await temporaryDirectory('redis')
  const [port] = (await freePorts('127.0.0.1', 1)) as [number]
  const settings = {
    bind: '127.0.0.1',
    port: `${port}`,
    dir: directory,
    appendonly: 'yes',
    appendfsync: appendFsync,
    save: '',
    // No rewrite of the file falls into a measurement.
    'auto-aof-rewrite-percentage': '0',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const peer = await startPeer({ name: 'Redis', file: server, args, port, directory, log })
  const version = /v=(\S+)/.exec(await versionOf(server, ['--version']))?.[1] ?? 'of unknown version'
  return { ...peer, version: `Redis ${version}` }
}
