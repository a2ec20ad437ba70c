/** Where journals are kept, from what people write in `--kafka`: a list of brokers, or `file:DIR`. Pure. */

export type JournalPlace =
  | { readonly kind: 'kafka'; readonly brokers: readonly string[] }
  /** The embedded journal; the directory as it was written. */
  | { readonly kind: 'file'; readonly directory: string }
  /** `problem`: what is wrong and what would be right, in one line. */
  | { readonly kind: 'wrong'; readonly problem: string }

const fileScheme = 'file:'
const right = 'HOST:PORT of Kafka brokers, comma separated, or file:DIR'

/** Reads the entries of `--kafka`. */
export function journalPlace(entries: readonly string[]): JournalPlace {
  const [first, ...more] = entries
  if (first === undefined) return wrong(`expected ${right}`)
  if (entries.some((entry) => entry.startsWith('memory:')))
    return wrong(`memory: forgets everything and is shared by nobody, so only tests have it; expected ${right}`)
  if (first.startsWith(fileScheme) && more.length === 0) return directoryPlace(first.slice(fileScheme.length))
  if (entries.some((entry) => entry.startsWith(fileScheme)))
    return wrong('file:DIR stands alone, and its DIR has no comma in it')
  const strange = entries.find((entry) => /\/|\s/.test(entry))
  if (strange !== undefined) return wrong(`expected ${right}`)
  return { kind: 'kafka', brokers: entries }
}

function directoryPlace(directory: string): JournalPlace {
  if (directory === '') return wrong('file: needs a directory: file:DIR')
  if (directory.startsWith('~'))
    return wrong('no shell expands ~ after file:; give the directory in full, or as file:$HOME/DIR')
  return { kind: 'file', directory }
}

function wrong(problem: string): JournalPlace {
  return { kind: 'wrong', problem }
}
