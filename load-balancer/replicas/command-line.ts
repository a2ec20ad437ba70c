/** The command of `--spawn`: split into words as a shell would, but run by none. Pure. */
import splitWords from 'string-argv'
import type { Place } from './spawner.ts'

export type SpawnCommand =
  | { kind: 'process'; program: string; words: readonly string[] }
  /** `docker:IMAGE words` */
  | { kind: 'docker'; image: string; words: readonly string[] }

const dockerPrefix = 'docker:'

/** The command that a person wrote; undefined if there is none in it. */
export function parseCommand(text: string): SpawnCommand | undefined {
  const [first, ...words] = splitWords(text)
  if (!first) return undefined
  if (!first.startsWith(dockerPrefix)) return { kind: 'process', program: first, words }
  const image = first.slice(dockerPrefix.length)
  // As an option it would be another command than the one meant.
  return image === '' || image.startsWith('-') ? undefined : { kind: 'docker', image, words }
}

/** Fills `{name}` and `{port}`. Only now, after splitting: a word stays one word, whatever the name. */
export function fillIn(words: readonly string[], { name, port }: Place): string[] {
  return words.map((word) => word.replaceAll('{name}', () => name).replaceAll('{port}', () => String(port)))
}

/**
 * What a server is told by its environment, for those that take no arguments. `HEARTLINE_*` because the balancer's own name and port
 * would be inherited otherwise.
 */
export function environmentOf({ name, port }: Place): Record<string, string> {
  return { PORT: String(port), HEARTLINE_NAME: name, HEARTLINE_PORT: String(port) }
}
