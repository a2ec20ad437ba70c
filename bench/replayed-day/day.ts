/** A made-up day of a shop's traffic, second by second. The same seed makes the same day. Pure. */

export const daySeconds = 86_400

/** A quick generator of numbers from 0 to below 1 (mulberry32), so that a day can be replayed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * Hour → requests a second; straight lines between. Noon is when everybody's break begins, by the clock: within a minute. The rest of the
 * day drifts.
 */
const curve: readonly (readonly [hour: number, rate: number])[] = [
  [0, 90],
  [2, 50],
  [5, 40],
  [7, 120],
  [9, 420],
  [12, 500],
  [12 + 1 / 60, 900],
  [12.75, 1_000],
  [13.25, 520],
  [16, 450],
  [18, 600],
  [20.5, 850],
  [22, 450],
  [24, 90],
]

/** A sudden crowd: in ten seconds to two and a half times the load, for eight minutes. */
export const spike = { startSecond: 15 * 3_600 + 1_200, riseSeconds: 10, lastsSeconds: 480, factor: 2.5 } as const

/** Requests in each second of one day. Each day is a little busier or calmer, and a little earlier or later, than the others. */
export function arrivalsOf(seed: number, withSpike: boolean): number[] {
  const random = seededRandom(seed)
  const size = 0.92 + 0.16 * random()
  const shiftSeconds = (random() - 0.5) * 600
  const noonSeconds = 12 * 3_600
  let weather = 0
  return Array.from({ length: daySeconds }, (_, second) => {
    // Slow ups and downs of some percent that last minutes, and on top of them chance.
    weather = 0.99 * weather + 0.01 * (random() - 0.5)
    // Clocks are right at noon, whatever else shifts.
    const distance = Math.min(1, Math.abs(second - noonSeconds) / 3_600)
    const rate = rateAt(second + shiftSeconds * distance) * size * (1 + weather) * (withSpike ? spikeAt(second) : 1)
    return Math.max(0, Math.round(rate + Math.sqrt(rate) * normal(random)))
  })
}

function rateAt(second: number): number {
  const hour = (((second / 3_600) % 24) + 24) % 24
  const next = curve.findIndex(([to]) => to > hour)
  const [fromHour, fromRate] = curve[next - 1]!
  const [toHour, toRate] = curve[next]!
  return fromRate + ((hour - fromHour) / (toHour - fromHour)) * (toRate - fromRate)
}

function spikeAt(second: number): number {
  const since = second - spike.startSecond
  if (since < 0 || since >= spike.lastsSeconds) return 1
  return 1 + (spike.factor - 1) * Math.min(1, since / spike.riseSeconds)
}

/** Box and Muller's. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
