/** A standby that takes a snapshot, tells its parent when the first chunk is written, and goes no further: it is to be killed there. */
import pino from 'pino'
import { createCheckpoint, journalPorts } from '../checkpoint/index.ts'

const [brokers = '', topic = ''] = process.argv.slice(2)
const log = pino({ level: 'silent' })
const { journal, snapshots } = journalPorts({ kafka: brokers.split(','), topic, clientId: 'victim', log })
const { writeChunk } = snapshots
snapshots.writeChunk = async (key, value) => {
  await writeChunk.call(snapshots, key, value)
  process.send?.('a chunk is written')
  return new Promise(() => setTimeout(() => undefined, 60_000))
}
const limits = { snapshotTailBytes: 10_000, snapshotDelayMs: 1 }
await createCheckpoint({ journal, snapshots, node: 'victim', log, limits }).start()
