/** `npm run performance`: writes docs/performance.md from bench/results. */
import { writeFile } from 'node:fs/promises'
import { performancePage } from './performance-page.ts'
import { pagePath, readSources } from './stored-results.ts'

const sources = await readSources()
await writeFile(pagePath, performancePage(sources))
process.stdout.write(`docs/performance.md: ${[...sources.reports.keys()].join(', ')}\n`)
