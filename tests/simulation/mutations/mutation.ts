/** A rule of the protocol taken out of production code, to see that the simulation notices. Only the text that a child process loads changes. */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** One replacement in the text of one file. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Must stand in the file exactly once. Kept short, so that other changes do not touch it. */
  readonly find: string
  readonly replace: string
}

/**
 * What must notice: random worlds; worlds in which a directed scenario brings about the rare fault (`scenarios/`); or a test, for a rule
 * that guards against what the other rules make impossible, so that no world can show it.
 */
export type Trial =
  | { readonly by: 'random worlds' }
  | { readonly by: 'scenario'; readonly name: string }
  | { readonly by: 'test'; readonly file: string }

export interface Mutation {
  readonly name: string
  /** The rule that is switched off, in the words of the design: what holds in production. */
  readonly rule: string
  readonly edits: readonly Edit[]
  readonly trial: Trial
}

/**
 * The text of `file` with the mutation in it.
 * @throws Error if a text to be replaced stands there more than once or not at all: the code has moved on, and the list must follow.
 */
export function mutated({ name, edits }: Mutation, file: string, source: string): string {
  return edits
    .filter((edit) => edit.file === file)
    .reduce((text, { find, replace }) => {
      const matches = text.split(find).length - 1
      if (matches !== 1)
        throw new Error(`mutation "${name}": in ${file} this stands ${matches} times and must stand once:\n${find}`)
      return text.replace(find, () => replace)
    }, source)
}

/** The path of a loaded module from the root of the repository; null if it stands elsewhere. */
export function fileOf(url: string, root: string): string | null {
  if (!url.startsWith('file:')) return null
  const file = relative(root, fileURLToPath(url)).replaceAll('\\', '/')
  return file.startsWith('..') ? null : file
}
