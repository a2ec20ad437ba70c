/** Schemas for what people write in flags and environment: durations, sizes, lists. Each takes text or the value itself. */
import { z } from 'zod'

const durationUnitsMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const sizeUnitsBytes: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

function quantity(units: Record<string, number>, bare: string, example: string) {
  const names = Object.keys(units).join('|')
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?) ?(${names})?$`)
  return z.union([z.number().nonnegative(), z.string()]).transform((value, context) => {
    if (typeof value === 'number') return value
    const found = pattern.exec(value.trim())
    if (found) return Number(found[1]) * units[found[2] ?? bare]!
    context.addIssue({ code: 'custom', message: `expected a number with a unit, such as ${example}` })
    return z.NEVER
  })
}

/** Milliseconds, from `100`, `100ms`, `10s`, `5m` or `24h`. */
export const durationMs = quantity(durationUnitsMs, 'ms', '10s or 250ms')
/** Bytes, from `1048576`, `64KiB`, `1MiB` or `2GiB`. */
export const byteCount = quantity(sizeUnitsBytes, 'B', '64MiB or 1024')
/** A share from 0 to 1, from `20%` or `0.2`. */
export const share = z.union([z.number(), z.string()]).transform((value, context) => {
  const found = typeof value === 'number' ? undefined : /^(\d+(?:\.\d+)?) ?(%?)$/.exec(value.trim())
  const given = found ? Number(found[1]) / (found[2] ? 100 : 1) : typeof value === 'number' ? value : Number.NaN
  if (given >= 0 && given <= 1) return given
  context.addIssue({ code: 'custom', message: 'expected a share from 0% to 100%, such as 20% or 0.2' })
  return z.NEVER
})
/** A list, from `a,b,c`. */
export const textList = z
  .union([z.array(z.string()), z.string()])
  .transform((value) =>
    (typeof value === 'string' ? value.split(',') : value).map((entry) => entry.trim()).filter(Boolean),
  )
/** A TCP port; 0 asks the system for a free one. */
export const port = z.coerce
  .number()
  .int('expected a port number')
  .min(0)
  .max(65_535, 'expected a port from 0 to 65535')
/** true or false, also as `1`/`0`, `yes`/`no`, `on`/`off`. */
export const flag = z.union([z.boolean(), z.stringbool()])
