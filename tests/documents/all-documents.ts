/** Every document that people read, from the root of the repository. The changelog tells of what was, and is left out. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

export const root = join(import.meta.dirname, '../..')
const leftOut = /(^|\/)(node_modules|dist|\.git|libs)(\/|$)/

export interface DocumentFile {
  readonly path: string
  readonly markdown: string
}

export function allDocuments(): DocumentFile[] {
  const entries = readdirSync(root, { withFileTypes: true })
    .filter(({ name }) => !leftOut.test(name))
    .flatMap((entry) =>
      entry.isDirectory()
        ? readdirSync(join(root, entry.name), { recursive: true, withFileTypes: true }).filter(
            ({ parentPath }) => !leftOut.test(relative(root, parentPath)),
          )
        : [entry],
    )
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md') && entry.name !== 'CHANGELOG.md')
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()
    .map((path) => ({ path, markdown: readFileSync(join(root, path), 'utf8') }))
}
