/** The compose file as tests and simulated containers see it. Reads files; the rest is pure. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { CommandEntry } from '../commands.ts'
import { commands } from '../commands.ts'
import { readFlags } from '../flags.ts'
import { withTokenFile } from '../token-file.ts'

/** What a service of the compose file may say, as far as anybody here looks at it. */
export interface ComposeService {
  readonly image: string
  readonly pull_policy?: string
  readonly build?: { readonly context: string; readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: HealthCheck
  readonly restart?: string
  readonly network_mode?: string
  readonly stop_grace_period?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly deploy?: { readonly resources: { readonly limits: { readonly cpus?: string; readonly memory: string } } }
}

/** Durations as Compose writes them, such as `30s`. */
export interface HealthCheck {
  readonly test?: readonly string[]
  readonly disable?: boolean
  readonly interval?: string
  readonly start_period?: string
  readonly start_interval?: string
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const folder = join(import.meta.dirname, '..')

/** The file as Compose reads it: anchors merged, variables that are not set replaced by their defaults. */
export async function readComposeFile(path = join(folder, 'compose.yaml')): Promise<ComposeFile> {
  const interpolated = (_key: unknown, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1') : value
  return parse(await readFile(path, 'utf8'), interpolated, { merge: true }) as ComposeFile
}

/** The services that are processes of Heartline, by name: those whose command goes to the image's own entry point. */
export function heartlineServices({ services }: ComposeFile): [name: string, service: ComposeService][] {
  return Object.entries(services).filter(([, { build, entrypoint }]) => build && !entrypoint)
}

/** The command of a process of Heartline with its options, as it would read them. @throws Error with every problem, a line each */
export async function readCommand(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ name: string; entry: CommandEntry; options: Record<string, unknown> }> {
  const [name = '', ...rest] = argv
  const entry = commands[name]
  if (!entry) throw new Error(`there is no command ${name}`)
  const read = readFlags((await entry.load()).options, rest, {
    ...withTokenFile(environment, () => 'a token of some length'),
  })
  if (read.kind !== 'values') throw new Error(read.kind === 'help' ? 'asks for help' : read.problems.join('\n'))
  return { name, entry, options: read.values }
}

/** The ports on which a process of Heartline listens, as its options say; clients' first. */
export function portsOf({ port, adminPort }: Record<string, unknown>): number[] {
  return [port, adminPort].filter((value) => typeof value === 'number')
}
