/** How and when a report was made, and of which code. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export interface DescribedRun {
  /** As a person types it, without the file that the report goes to. */
  readonly command: string
  /** ISO 8601. */
  readonly madeAt: string
  /** Shortened, with `+` if files were changed since; missing outside of a repository. */
  readonly commit?: string
}

export async function describeRun(argv: readonly string[]): Promise<DescribedRun> {
  const at = argv.indexOf('--raw')
  const words = argv.filter((word, index) => word !== '--json' && (at < 0 || (index !== at && index !== at + 1)))
  const commit = await commitHere()
  return {
    command: `npm run bench -- ${words.join(' ')}`,
    madeAt: new Date().toISOString(),
    ...(commit === undefined ? {} : { commit }),
  }
}

async function commitHere(): Promise<string | undefined> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: import.meta.dirname })).stdout.trim()
  try {
    const [hash, changed] = await Promise.all([
      git('rev-parse', '--short=7', 'HEAD'),
      git('status', '--porcelain', '--untracked-files=no', '--', ':!results'),
    ])
    return changed === '' ? hash : `${hash}+`
  } catch {
    return undefined // a package, or no git
  }
}
