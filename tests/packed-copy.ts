/** The package as npm packs it, of a copy of the repository, so that tests which run meanwhile see no half-made `package.json`. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, readFile, symlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..')
const run = promisify(execFile)

/** What no pack needs, or must not be shared with a pack of a copy. */
const leftOut = new Set(['node_modules', '.git', 'dist', 'compose/kafka/libs'])

/** What npm packed. */
export interface Packed {
  /** Path of the archive. */
  readonly tarball: string
  /** Paths of the files in it. */
  readonly files: readonly string[]
  /** Of the archive, and of what is in it, bytes. */
  readonly packedBytes: number
  readonly unpackedBytes: number
}

/** Copies the repository to `base/repository` and packs that. */
export async function packCopy(base: string): Promise<Packed> {
  const copy = join(base, 'repository')
  await cp(root, copy, { recursive: true, filter: (path) => !leftOut.has(relative(root, path)) })
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  const manifestBefore = await readFile(join(copy, 'package.json'), 'utf8')
  const { stdout } = await run('npm', ['pack', '--json', '--loglevel=error'], { cwd: copy, maxBuffer: 2 ** 24 })
  assert.equal(await readFile(join(copy, 'package.json'), 'utf8'), manifestBefore, 'the repository has its own back')
  const [{ filename, files, size, unpackedSize }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [
    { filename: string; files: { path: string }[]; size: number; unpackedSize: number },
  ]
  return {
    tarball: join(copy, filename),
    files: files.map(({ path }) => path),
    packedBytes: size,
    unpackedBytes: unpackedSize,
  }
}
