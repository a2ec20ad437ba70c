/** From values to places in a picture: scales, ticks and lines. Pure. */

export interface Scale {
  readonly domain: readonly [number, number]
  readonly kind: 'linear' | 'logarithmic'
  /** The place of a value; what is outside of the domain is put on its edge. */
  at(value: number): number
}

export function scaleOf(
  domain: readonly [number, number],
  range: readonly [number, number],
  kind: Scale['kind'] = 'linear',
): Scale {
  const bend = kind === 'linear' ? (value: number) => value : Math.log10
  const [from, to] = [bend(domain[0]), bend(domain[1])]
  const at = (value: number) => {
    const inside = Math.min(domain[1], Math.max(domain[0], value))
    return range[0] + ((bend(inside) - from) / (to - from)) * (range[1] - range[0])
  }
  return { domain, kind, at }
}

/** Round values inside the domain: powers of ten, or about `wanted` steps of 1, 2 or 5. */
export function axisTicks({ domain: [low, high], kind }: Scale, wanted: number): number[] {
  if (kind === 'logarithmic') {
    const first = Math.ceil(Math.log10(low) - 1e-9)
    const count = Math.floor(Math.log10(high) + 1e-9) - first + 1
    return Array.from({ length: Math.max(0, count) }, (_, index) => Number((10 ** (first + index)).toPrecision(12)))
  }
  const rough = (high - low) / wanted
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = magnitude * ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10)
  const first = Math.ceil(low / step)
  const count = Math.floor(high / step + 1e-9) - first + 1
  return Array.from({ length: count }, (_, index) => Number(((first + index) * step).toPrecision(12)))
}

/** A line through the values; it is broken where there is none. */
export function linePath(values: readonly { at: number; value: number | null }[], x: Scale, y: Scale): string {
  let pen = 'M'
  const parts: string[] = []
  for (const { at, value } of values) {
    if (value === null) {
      pen = 'M'
      continue
    }
    parts.push(`${pen}${x.at(at).toFixed(1)} ${y.at(value).toFixed(1)}`)
    pen = 'L'
  }
  return parts.join('')
}

/** `1200` as `1.2k`. */
export function compactNumber(value: number): string {
  if (Math.abs(value) >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))}M`
  if (Math.abs(value) >= 1_000) return `${Number((value / 1_000).toPrecision(3))}k`
  return `${Number(value.toPrecision(3))}`
}
