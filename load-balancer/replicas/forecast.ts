/**
 * What comes next in a series: Holt-Winters' exponential smoothing with a damped trend and, if asked, an additive season. Pure.
 *
 * Winters, "Forecasting sales by exponentially weighted moving averages", Management Science 6 (1960); the damped trend after Gardner and
 * McKenzie (1985); the form of the equations is that of Hyndman and Athanasopoulos, "Forecasting: principles and practice", 8.3-8.4.
 * Our own, as it is twenty lines: what npm has of it fits a whole array anew each time and has not been kept for years
 * (nostradamus, zodiac-ts, timeseries-analysis), or is ARIMA compiled to WebAssembly (arima).
 */

export interface ForecastSettings {
  /** How much of each new value the level takes, 0 to 1. */
  readonly level: number
  /** How much of each new step the trend takes, 0 to 1. */
  readonly trend: number
  /** How much of each new deviation its place in the season takes, 0 to 1. */
  readonly season: number
  /** What is left of the trend after each step, 0 to 1: a rise that went on for ever would order servers without end. */
  readonly damping: number
  /** Values to a season; 0 for a series without one. */
  readonly period: number
}

/** Of one value a minute. The season is learnt slowly: one odd day is no habit. */
export const defaultForecastSettings: ForecastSettings = {
  level: 0.5,
  trend: 0.3,
  season: 0.3,
  damping: 0.9,
  period: 0,
}

/** How much of each error the typical one takes. */
const errorShare = 0.1

export class Forecast {
  readonly #settings: ForecastSettings
  /** The first season as it was, until it is whole; then how far each of its places lies from the level. */
  #season: number[] = []
  #seasonKnown = false
  #level: number | undefined
  #trend = 0
  #steps = 0
  #error = 0

  constructor(settings: ForecastSettings) {
    this.#settings = settings
  }

  /** How far the forecast one step ahead is off, on the average, lately. */
  get error(): number {
    return this.#error
  }

  /** Takes the next value of the series. */
  observe(value: number): void {
    const { level, trend, damping } = this.#settings
    const before = this.#level
    const place = this.#placeOf(this.#steps)
    const usual = this.#usual(this.#steps)
    this.#steps += 1
    if (before === undefined) this.#level = value
    else {
      const expected = before + damping * this.#trend
      this.#error += errorShare * (Math.abs(value - expected - usual) - this.#error)
      this.#level = level * (value - usual) + (1 - level) * expected
      this.#trend = trend * (this.#level - before) + (1 - trend) * damping * this.#trend
      if (this.#seasonKnown) this.#learn(place, value - expected)
    }
    if (this.#settings.period > 0 && !this.#seasonKnown) this.#collect(value)
  }

  /** The value `steps` ahead, 1 for the next; never below 0. Undefined before the first value. */
  ahead(steps: number): number | undefined {
    if (this.#level === undefined) return undefined
    const { damping } = this.#settings
    let value = this.#level
    for (let step = 1; step <= steps; step += 1) value += this.#trend * damping ** step
    return Math.max(0, value + this.#usual(this.#steps + steps - 1))
  }

  #placeOf(step: number): number {
    return this.#settings.period === 0 ? 0 : step % this.#settings.period
  }

  /** How far a step usually lies from the level. */
  #usual(step: number): number {
    return this.#seasonKnown ? this.#season[this.#placeOf(step)]! : 0
  }

  #learn(place: number, deviation: number): void {
    this.#season[place]! += this.#settings.season * (deviation - this.#season[place]!)
  }

  #collect(value: number): void {
    this.#season.push(value)
    if (this.#season.length < this.#settings.period) return
    const mean = this.#season.reduce((sum, one) => sum + one, 0) / this.#season.length
    this.#season = this.#season.map((one) => one - mean)
    this.#seasonKnown = true
    // From here on the level is what is left without the season.
    this.#level = mean
    this.#trend = 0
  }
}
