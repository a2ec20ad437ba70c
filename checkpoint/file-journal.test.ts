import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { fileJournal } from './file-journal.ts'
import { journalConformance } from './journal-conformance.ts'

const log = pino({ level: 'silent' })

journalConformance('file', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-journal-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return async () => {
    const journal = fileJournal({ directory, topic: 'conformance', log })
    t.after(() => journal.close())
    await journal.open()
    return journal
  }
})
