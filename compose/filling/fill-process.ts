/**
 * Fills a journal before anybody else uses it, as a backend that leads, writes and goes. A process of its own, so that no memory of it stays with
 * whoever watches a run. Arguments: what `--kafka` says, topic prefix, number of keys. Started by `fill-journal.ts`.
 */
import { randomUUID } from 'node:crypto'
import { createCheckpoint, journalPorts } from '../../checkpoint/index.ts'
import { createLogger } from '../../checkpoint/logger.ts'
import { fillState } from './filled-state.ts'

const leadTimeoutMs = 30_000
const [kafka, topicPrefix, keys] = process.argv.slice(2) as [string, string, string]
const node = 'filler'
const log = await createLogger('warn', process.stderr)
const ports = { kafka: kafka.split(','), topic: `${topicPrefix}.journal.0`, clientId: node, log }
const checkpoint = createCheckpoint({ ...journalPorts(ports), incarnation: randomUUID(), node, log })

process.on('disconnect', () => process.exit(1)) // nobody waits for it any more
await checkpoint.start()
checkpoint.lead(checkpoint.status().journalReign[0] + 1)
if (!(await checkpoint.whenLeading(leadTimeoutMs))) throw new Error('the filler does not lead')
await fillState(checkpoint, Number(keys))
await checkpoint.takeSnapshot() // or the first who follow would take one while they are watched
await checkpoint.close()
process.exit()
