/** The version of this package. */
import { readFileSync } from 'node:fs'

/** As `package.json` has it, which is looked up by its name: the code stands one folder deeper where it is built. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(new URL(import.meta.resolve('heartline/package.json')), 'utf8')).version
}
