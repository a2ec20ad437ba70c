/** `HEARTLINE_TOKEN_FILE`: the token as a file, as containers are given secrets, so that it stands in no environment that others can look at. Pure. */
import { ComposeError } from './errors.ts'

const variable = 'HEARTLINE_TOKEN'
const fileVariable = 'HEARTLINE_TOKEN_FILE'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The environment with the token that a file holds, less white space around it. `HEARTLINE_TOKEN` itself wins.
 * @throws ComposeError TOKEN_FILE if the file cannot be read or is empty: a process without its token would be an open one.
 */
export function withTokenFile(environment: Environment, read: (path: string) => string): Environment {
  const path = environment[fileVariable]
  if (!path || environment[variable]) return environment
  let text: string
  try {
    text = read(path).trim()
  } catch (cause) {
    throw new ComposeError('TOKEN_FILE', `${fileVariable}: ${(cause as Error).message}`, cause)
  }
  if (text === '') throw new ComposeError('TOKEN_FILE', `${fileVariable}: ${path} is empty`)
  return { ...environment, [variable]: text }
}
