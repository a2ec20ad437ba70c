/** `npm run reference`: writes docs/reference from the docstrings. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { extractEntryPoints } from './extract.ts'
import { referencePages } from './reference-pages.ts'

const folder = join(import.meta.dirname, '../../docs/reference')
const pages = referencePages(await extractEntryPoints())
await rm(folder, { recursive: true, force: true })
for (const [path, text] of pages) {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await writeFile(join(folder, path), text)
}
process.stdout.write(`docs/reference: ${pages.size} pages\n`)
