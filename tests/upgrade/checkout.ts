/** The previous version as it was released, in a folder of its own, ready to run beside this one. */
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { previousVersion } from './previous-version.ts'

const root = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)
/** Its dependencies may have to be fetched. */
const installTimeoutMs = 180_000

/** The commit of the previous version, or undefined in a clone that is too shallow to have it. */
export function previousCommit(): string | undefined {
  for (const name of [previousVersion.tag, previousVersion.commit]) {
    try {
      const found = execFileSync('git', ['rev-parse', '--verify', '--quiet', `${name}^{commit}`], { cwd: root })
      return found.toString().trim()
    } catch {
      // The next name, or none.
    }
  }
  return undefined
}

/** Test options: skipped aloud where the clone has too little of the history. */
export const needsPrevious = {
  skip: previousCommit() === undefined && `nothing is upgraded: this clone has no ${previousVersion.tag}`,
}

/** What of a lockfile says which packages there are at run time. */
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>
}

/** True if each package that `wanted` needs at run time is in `present` too, in the same place and version. */
export function hasAllOf(wanted: Lock, present: Lock): boolean {
  return Object.entries(wanted.packages).every(
    ([path, { version, dev }]) => path === '' || dev === true || present.packages[path]?.version === version,
  )
}

/** Unpacks the previous version; resolves with its folder. `remove` takes it away again. */
export async function checkOutPrevious(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'heartline-previous-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const archive = join(folder, 'archive.tar')
    await run('git', ['archive', '--format=tar', '--output', archive, previousCommit()!], { cwd: root })
    await run('tar', ['-xf', archive, '-C', folder])
    const [wanted, present] = await Promise.all([folder, root].map(readLock))
    if (hasAllOf(wanted!, present!)) await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    else {
      const quietly = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
      await run('npm', ['ci', ...quietly], { cwd: folder, timeout: installTimeoutMs })
    }
  } catch (error) {
    await remove()
    throw error
  }
  return { folder, remove }
}

async function readLock(folder: string): Promise<Lock> {
  return JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as Lock
}
