/** Tells the receivers of the traffic, so long as the balancer runs. A shell around `figures.ts`. */
import { type Figures, figuresIntervalMs } from '../heartbeat-receiver/protocol.ts'
import { type Counted, FiguresMeter } from './figures.ts'
import { bucketsSeconds } from './metrics.ts'

/** Who is told. */
export interface FiguresTaker {
  figures(figures: Figures): void
}

const bucketsMs: readonly number[] = bucketsSeconds.map((seconds) => seconds * 1_000)

/** Begins; returns what ends it. */
export function tellFigures(counted: () => Counted | Promise<Counted>, taker: FiguresTaker): () => void {
  const meter = new FiguresMeter(bucketsMs, performance.now())
  let ended = false
  const tell = async () => {
    const read = await counted()
    if (!ended) taker.figures(meter.read(read, performance.now()))
  }
  const timer = setInterval(() => void tell(), figuresIntervalMs)
  timer.unref()
  return () => {
    ended = true
    clearInterval(timer)
  }
}
