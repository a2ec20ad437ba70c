/** After npm packed: gives the repository its own `package.json` back. */
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { builtFolder } from './manifest.ts'

const root = join(import.meta.dirname, '..')
const kept = join(root, `${builtFolder}.package.json`)
if (existsSync(kept)) renameSync(kept, join(root, 'package.json'))
