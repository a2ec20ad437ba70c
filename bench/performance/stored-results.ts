/** The stored reports and the texts that docs/performance.md is made of. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { PerformanceSources, StoredReport } from './performance-page.ts'

const root = join(import.meta.dirname, '../..')

/** The page that is made. */
export const pagePath = join(root, 'docs/performance.md')

/** All that `npm run performance` reads. Throws for a file of results that is none, by its name. */
export async function readSources(): Promise<PerformanceSources> {
  const folder = join(root, 'bench/results')
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort()
  const reports = await Promise.all(
    files.map(async (file): Promise<[string, StoredReport]> => {
      const report = JSON.parse(await readFile(join(folder, file), 'utf8')) as StoredReport
      for (const part of ['bench', 'machine', 'rounds', 'rows', 'ratios', 'notes'])
        if (!Object.hasOwn(report, part)) throw new TypeError(`bench/results/${file} is no report: it has no ${part}`)
      return [file.replace(/\.json$/, ''), report]
    }),
  )
  const [readme, before] = await Promise.all([
    readFile(join(root, 'bench/README.md'), 'utf8'),
    readFile(join(folder, 'measured-before.md'), 'utf8'),
  ])
  return { reports: new Map(reports), readme, before }
}
