/**
 * What the API does not know in a manifest. The schemas take fields they do not name; TypeScript does not, in a literal, so each manifest is
 * written as one of the type that the API's own description was made into.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const modules = join(import.meta.dirname, '../../node_modules')

/** A line for each field that is unknown or of another type; empty if there is none. */
export async function typeErrors(
  manifests: readonly { apiVersion: string; kind: string; [field: string]: unknown }[],
): Promise<string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'heartline-manifests-'))
  try {
    const lines = manifests.flatMap(({ apiVersion, kind, ...rest }, index) => [
      `import type { I${kind} as Type${index} } from 'kubernetes-models/${apiVersion}'`,
      `export const manifest${index}: Type${index} = ${JSON.stringify({ apiVersion, kind, ...rest })}`,
    ])
    await writeFile(join(directory, 'manifests.ts'), lines.join('\n'))
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
    await symlink(modules, join(directory, 'node_modules'))
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2024',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    }
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['manifests.ts'] }))
    return await run(join(modules, '.bin/tsc'), ['-p', directory]).then(
      () => [],
      ({ stdout }: { stdout: string }) => stdout.split('\n').filter((line) => line.includes('error TS')),
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
