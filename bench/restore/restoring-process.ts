/** A backend's cold start: a checkpoint on the journal and its snapshots, until it has caught up. Arguments: brokers, journal topic. */
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createCheckpoint, journalPorts } from '../../checkpoint/index.ts'
import { type FilledRegister, filledMap } from '../../compose/filling/filled-state.ts'
import { measure } from './measured.ts'
import { sumOf } from './state-sum.ts'

const [brokers, topic] = process.argv.slice(2) as [string, string]
const node = 'bench-restore'
const log = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }))
const { journal, snapshots } = journalPorts({ kafka: brokers.split(','), topic, clientId: node, log })
const checkpoint = createCheckpoint({ journal, snapshots, incarnation: randomUUID(), node, log })
const registers = checkpoint.map<FilledRegister>(filledMap)

process.on('disconnect', () => process.exit())
process.on('message', async () => {
  const measured = await measure(() => checkpoint.start())
  const state = checkpoint.stale(() => sumOf(registers.entries()))
  process.send?.({ ...measured, state, offset: checkpoint.status().offset })
})
process.send?.('ready')
