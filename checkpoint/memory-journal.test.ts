import { journalConformance } from './journal-conformance.ts'
import { createMemoryLog, memoryJournal } from './memory-journal.ts'

journalConformance('memory', async (t) => {
  const log = createMemoryLog()
  return async () => {
    const journal = memoryJournal(log)
    t.after(() => journal.close())
    await journal.open()
    return journal
  }
})
