/** A checkpoint in memory, for tests that look at what a journal came to hold. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { pino } from 'pino'
import { Checkpoint } from './checkpoint.ts'
import { type MemoryLog, memoryJournal } from './memory-journal.ts'
import { realTime, type Time } from './time.ts'

export const silent = pino({ level: 'silent' })

/** Real time that stands still within a turn of the event loop: what is asked in one shares a group, however slow the machine is. */
export function timeOfTurns(): Time {
  let nowMs: number | null = null
  return {
    ...realTime,
    now() {
      if (nowMs === null) {
        nowMs = realTime.now()
        setImmediate(() => {
          nowMs = null
        }).unref()
      }
      return nowMs
    },
  }
}

/** One that has read what is there; closed with the test. */
export async function started(t: TestContext, log: MemoryLog): Promise<Checkpoint> {
  const checkpoint = new Checkpoint({ journal: memoryJournal(log), node: 'n', log: silent })
  t.after(() => checkpoint.close(0))
  await checkpoint.start()
  return checkpoint
}

/** Whoever starts now has the same state. */
export async function mustBeReadable(t: TestContext, log: MemoryLog, writer: Checkpoint): Promise<void> {
  const reader = await started(t, log)
  assert.deepEqual(reader.snapshot(), writer.snapshot())
}
