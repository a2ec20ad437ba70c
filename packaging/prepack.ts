/** Before npm packs: builds, and makes `package.json` that of the package. `postpack.ts` gives the repository its own back. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import './build.ts'
import { builtFolder, packedManifest } from './manifest.ts'

const root = join(import.meta.dirname, '..')
const path = join(root, 'package.json')
const kept = join(root, `${builtFolder}.package.json`)
const packed = (text: string) => `${JSON.stringify(packedManifest(JSON.parse(text)), null, 2)}\n`

const found = readFileSync(path, 'utf8')
const earlier = existsSync(kept) ? readFileSync(kept, 'utf8') : found
const own = packed(earlier) === found ? earlier : found // a pack that was interrupted left what it had made
writeFileSync(kept, own)
writeFileSync(`${path}.new`, packed(own))
renameSync(`${path}.new`, path) // at once: processes that run meanwhile read it
