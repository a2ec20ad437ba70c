/**
 * Loads production code with one mutation in it: `node --import .../hook.ts PROGRAM`, the mutation's name in HEARTLINE_MUTATION. A program
 * that ends without having loaded every file of the mutation was no test of it, so that ends it with an error.
 */
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { mutations } from './list.ts'
import { fileOf, mutated } from './mutation.ts'

const root = join(import.meta.dirname, '../../..')
const name = process.env.HEARTLINE_MUTATION ?? ''
const mutation = mutations.find((known) => known.name === name)
if (!mutation) throw new Error(`HEARTLINE_MUTATION is "${name}", which is no mutation in the list`)

const waiting = new Set(mutation.edits.map(({ file }) => file))
registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    const file = fileOf(url, root)
    if (file === null || !waiting.delete(file)) return loaded
    return { ...loaded, source: mutated(mutation, file, String(loaded.source)) }
  },
})

process.on('exit', (code) => {
  if (waiting.size === 0 || code !== 0) return
  process.stderr.write(`the mutation was not tried: ${[...waiting].join(', ')} was not loaded\n`)
  process.exitCode = 1
})
