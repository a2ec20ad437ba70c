/** Directories of tests: everything opened in one is closed before it is removed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

export interface TestDirectory {
  readonly path: string
  /** Has it closed at the end of the test. */
  keep<C extends { close(): unknown }>(closable: C): C
}

export async function testDirectory(t: TestContext, path?: string): Promise<TestDirectory> {
  const directory = path ?? (await mkdtemp(join(tmpdir(), 'heartline-test-')))
  const kept: { close(): unknown }[] = []
  t.after(async () => {
    for (const closable of kept) await closable.close()
    await rm(directory, { recursive: true, force: true })
  })
  return {
    path: directory,
    keep: (closable) => {
      kept.push(closable)
      return closable
    },
  }
}
