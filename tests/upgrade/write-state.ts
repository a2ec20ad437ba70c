/**
 * `node tests/upgrade/write-state.ts CHECKOUT DIRECTORY`: has the version in the folder CHECKOUT write the state of `kept-state.ts`, for
 * later versions to read. Run at each release (CONTRIBUTING.md).
 */
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Library, openState, writeState } from './kept-state.ts'

const [checkout, directory] = process.argv.slice(2)
if (checkout === undefined || directory === undefined) {
  process.stderr.write('write-state: expected CHECKOUT DIRECTORY\n')
  process.exit(2)
}
const library = (await import(pathToFileURL(join(resolve(checkout), 'checkpoint/index.ts')).href)) as Library
const state = await openState(library, directory)
await writeState(state)
await state.close()
