import { planOf } from './plan.ts'
import { World } from './world.ts'

const from = Number(process.argv[2] ?? 1),
  n = Number(process.argv[3] ?? 1),
  verbose = process.argv[4] === 'v',
  calm = process.argv[5] === 'calm'
process.on('unhandledRejection', (error) => {
  console.log('UNHANDLED', error)
})
const t0 = performance.now()
const counts: Record<string, number> = {}
let bad = 0,
  ops = 0,
  answered = 0,
  events = 0
for (let seed = from; seed < from + n; seed++) {
  let plan = { ...planOf(seed), ...(process.env.R ? { receivers: Number(process.env.R) } : {}) }
  if (calm) plan = { ...plan, faults: [] }
  const t = performance.now()
  const v = await new World(plan, verbose).run()
  if (verbose) console.log(v.story.join('\n'))
  if (verbose || n < 20)
    console.log(
      seed,
      'events',
      v.events,
      'ops',
      v.operations,
      v.answered,
      'ms',
      performance.now() - t,
      v.traceHash,
      plan.backends,
      plan.receivers,
      plan.balancers,
    )
  ops += v.operations
  answered += v.answered
  events += v.events
  for (const k in v.counts) counts[k] = (counts[k] ?? 0) + v.counts[k]!
  if (v.violation) {
    bad++
    console.log('VIOLATION', seed, v.violation.slice(0, 600))
  }
}
console.log({ n, bad, ops, answered, events, ms: performance.now() - t0 })
if (n >= 5) console.log(counts)
