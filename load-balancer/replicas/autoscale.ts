/**
 * How many servers the load needs: the larger of what the rate asks for now and of what the forecast says it will ask for once a server
 * spawned now is up. Up at once, down only when fewer have been enough for a while. Pure: rates in, numbers out.
 */
import { defaultForecastSettings, Forecast } from './forecast.ts'

export interface AutoscaleSettings {
  readonly min: number
  readonly max: number
  /** Requests a second that one server serves well. */
  readonly ratePerReplica: number
  /** How often `sample` is called. */
  readonly sampleMs: number
  /** One value of the forecast's series; a whole number of samples. */
  readonly stepMs: number
  /** Length of a season of the load, such as a day; 0 for none. */
  readonly seasonMs: number
  /** How far ahead servers are spawned: longer than one takes until it serves. */
  readonly aheadMs: number
  /** For so long fewer must have been enough before any is ended: a lull in a busy hour is no reason. */
  readonly downAfterMs: number
  /** How full servers are to be at most, 0 to 1: what comes between two samples needs room. */
  readonly fillMax: number
  /** Which rules have a say. */
  readonly rules: 'both' | 'rate' | 'forecast'
}

export const defaultAutoscaleSettings = {
  sampleMs: 5_000,
  stepMs: 60_000,
  seasonMs: 86_400_000,
  aheadMs: 120_000,
  downAfterMs: 300_000,
  fillMax: 0.8,
  rules: 'both',
} as const

/** The forecast is taken as this many of its usual errors too low. */
const marginErrors = 1

export interface Recommendation {
  readonly desired: number
  /** Why so many: which rule asks for most, or that it was more than this a while ago. */
  readonly because: 'rate' | 'forecast' | 'lately' | 'bounds'
}

export class Autoscaler {
  readonly #settings: AutoscaleSettings
  readonly #forecast: Forecast
  /** The samples of the step that is not over, requests a second. */
  #step: number[] = []
  /** What was needed lately, newest last: each larger than all after it, as others can no longer be the largest. */
  #lately: { needed: number; sample: number }[] = []
  #samples = 0

  constructor(settings: AutoscaleSettings) {
    this.#settings = settings
    const period = Math.round(settings.seasonMs / settings.stepMs)
    this.#forecast = new Forecast({ ...defaultForecastSettings, period })
  }

  /** The rate that is expected at most in the time that is planned for, requests a second; undefined if nothing is known. */
  get expectedRate(): number | undefined {
    const { aheadMs, stepMs } = this.#settings
    const steps = Math.ceil(aheadMs / stepMs)
    const rates = Array.from({ length: steps }, (_, index) => this.#forecast.ahead(index + 1))
    if (rates[0] === undefined) return undefined
    return Math.max(...(rates as number[])) + marginErrors * this.#forecast.error
  }

  /** Takes the rate since the last sample, requests a second, and says how many servers there should be. */
  sample(rate: number): Recommendation {
    const { min, max, rules } = this.#settings
    this.#observe(rate)
    const now = rules === 'forecast' ? 0 : this.#serversFor(rate)
    const soon = rules === 'rate' ? 0 : this.#serversFor(this.expectedRate ?? 0)
    const needed = Math.max(now, soon)
    const lately = this.#mostLately(needed)
    const desired = Math.min(max, Math.max(min, lately))
    if (desired !== lately) return { desired, because: 'bounds' }
    if (lately > needed) return { desired, because: 'lately' }
    return { desired, because: now >= soon ? 'rate' : 'forecast' }
  }

  #observe(rate: number): void {
    const { stepMs, sampleMs } = this.#settings
    this.#samples += 1
    this.#step.push(rate)
    if (this.#step.length * sampleMs < stepMs) return
    this.#forecast.observe(this.#step.reduce((sum, one) => sum + one, 0) / this.#step.length)
    this.#step = []
  }

  #serversFor(rate: number): number {
    const { ratePerReplica, fillMax } = this.#settings
    return Math.ceil(rate / (ratePerReplica * fillMax))
  }

  #mostLately(needed: number): number {
    const { downAfterMs, sampleMs } = this.#settings
    const since = this.#samples - Math.ceil(downAfterMs / sampleMs)
    this.#lately = this.#lately.filter((one) => one.needed > needed && one.sample > since)
    this.#lately.push({ needed, sample: this.#samples })
    return this.#lately[0]!.needed
  }
}
