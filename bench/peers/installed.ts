/** Where a peer's programs are, if they are installed. */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { BenchError } from '../errors.ts'
import type { Account } from './peer-process.ts'

const run = promisify(execFile)

/** Path of the first of `directories`, then of PATH and the system directories, that has the program; undefined if none. */
export async function findProgram(name: string, directories: readonly string[] = []): Promise<string | undefined> {
  const search = [...directories, ...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  for (const directory of search.filter(Boolean)) {
    const path = join(directory, name)
    if (await isExecutable(path)) return path
  }
  return undefined
}

/** @throws BenchError PEER_MISSING, whose message is the line in the report. */
export async function requireProgram(name: string, peer: string, directories: readonly string[] = []): Promise<string> {
  const path = await findProgram(name, directories)
  if (path === undefined) throw new BenchError('PEER_MISSING', `${peer} is not installed here (no ${name}); left out`)
  return path
}

/** Debian keeps PostgreSQL's server programs out of PATH; the newest version comes first. */
export async function postgresqlDirectories(): Promise<string[]> {
  const root = '/usr/lib/postgresql'
  const versions = await readdir(root).catch(() => [])
  return versions.sort((left, right) => Number(right) - Number(left)).map((version) => join(root, version, 'bin'))
}

/** An account without privileges, for servers that refuse to run as root; undefined if we are not root. */
export async function unprivilegedAccount(candidates: readonly string[]): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined
  for (const name of [...candidates, 'nobody']) {
    try {
      const [uid, gid] = await Promise.all(
        ['-u', '-g'].map(async (what) => Number((await run('id', [what, name])).stdout)),
      )
      return { uid: uid!, gid: gid! }
    } catch {
      // No such account: the next one.
    }
  }
  throw new BenchError('PEER_FAILED', 'PostgreSQL does not run as root, and there is no other account to run it under')
}

/** First line that a program prints for `args`. */
export async function versionOf(path: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(path, [...args])
  return `${stdout}${stderr}`.trim().split('\n')[0] ?? ''
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
