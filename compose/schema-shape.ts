/** What a zod schema of an option looks like from outside: whether it is a switch, what its default reads like. Pure. */
/** zod's inner description of a schema, as far as options use it. */
export interface Schema {
  def: {
    type: string
    innerType?: Schema
    in?: Schema
    options?: Schema[]
    coerce?: boolean
    entries?: Record<string, string>
    defaultValue?: unknown
  }
}

const wrappers = new Set(['default', 'prefault', 'optional', 'nullable', 'nonoptional', 'readonly', 'catch'])

/** True for what is given as `--name` and `--no-name`. */
export function isBoolean(schema: Schema): boolean {
  const core = coreOf(schema)
  if (core.def.type === 'pipe') return core.def.in !== undefined && isBoolean(core.def.in)
  if (core.def.type === 'union') return (core.def.options ?? []).some(isBoolean)
  return core.def.type === 'boolean'
}

/** The text itself, or the number or boolean it says where the schema takes nothing else. */
export function readText(schema: Schema, text: string): unknown {
  const { type, coerce } = coreOf(schema).def
  if (type === 'number' && !coerce) return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** A flag's default as a person would write it; undefined if there is none. */
export function describeDefault(flag: { key: string; schema: Schema }): string | undefined {
  const { defaultValue, innerType } = flag.schema.def
  if (defaultValue === undefined)
    return innerType && wrappers.has(flag.schema.def.type)
      ? describeDefault({ key: flag.key, schema: innerType })
      : undefined
  if (Array.isArray(defaultValue)) return defaultValue.length === 0 ? 'none' : defaultValue.join(',')
  if (typeof defaultValue === 'number') return describeNumber(flag.key, defaultValue)
  return String(defaultValue)
}

const fewChoices = 3

/** The values that a flag may take, as a list to be read; none if its value's name shows them already. */
export function choicesOf(flag: { schema: Schema }): string[] {
  const choices = Object.values(coreOf(flag.schema).def.entries ?? {})
  return choices.length > fewChoices ? [choices.join(', ')] : []
}

/** What stands for a flag's value in `--help`. */
export function valueName(flag: { key: string; schema: Schema }): string {
  const core = coreOf(flag.schema)
  const choices = Object.values(core.def.entries ?? {})
  if (choices.length > 0) return choices.length > fewChoices ? 'WORD' : choices.join('|')
  if (/Ms$/.test(flag.key)) return 'TIME'
  if (/Bytes$|Body$/.test(flag.key)) return 'SIZE'
  if (core.def.type === 'number') return 'N'
  const given = core.def.type === 'pipe' ? core.def.in : core
  return given?.def.type === 'union' && given.def.options?.some(({ def }) => def.type === 'array') ? 'LIST' : 'TEXT'
}

const quantities: Array<{ key: RegExp; units: Array<[name: string, size: number]> }> = [
  {
    key: /Ms$/,
    units: [
      ['h', 3_600_000],
      ['m', 60_000],
      ['s', 1_000],
      ['ms', 1],
    ],
  },
  {
    key: /Bytes$|Body$/,
    units: [
      ['GiB', 1024 ** 3],
      ['MiB', 1024 ** 2],
      ['KiB', 1024],
      ['B', 1],
    ],
  },
]

function describeNumber(key: string, value: number): string {
  const units = quantities.find((quantity) => quantity.key.test(key))?.units ?? []
  const unit = units.find(([, size]) => value >= size && value % size === 0)
  return unit ? `${value / unit[1]}${unit[0]}` : String(value)
}

function coreOf(schema: Schema): Schema {
  return wrappers.has(schema.def.type) && schema.def.innerType ? coreOf(schema.def.innerType) : schema
}
