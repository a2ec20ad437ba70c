/** `node bench/replayed-day/main.ts` prints the table of docs/analysis/replicas.md. */
import { replayedDays } from './table.ts'

process.stdout.write(replayedDays())
