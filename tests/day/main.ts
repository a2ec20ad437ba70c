/** `node tests/day/main.ts [--town shop|office|both] [--duration 60s] [--rate 250] [--seed N]`: a whole day; exit 1 unless it was without fault. */
import { parseArgs } from 'node:util'
import { durationMs as duration } from '../../checkpoint/units.ts'
import { describeDay, isGood, runDay } from './day.ts'
import { startOfficeTown } from './office-town.ts'
import { startShopTown } from './shop-town.ts'
import type { Town } from './town.ts'

const towns: Record<string, () => Promise<Town>> = { shop: startShopTown, office: startOfficeTown }
const { values } = parseArgs({
  options: {
    town: { type: 'string', default: 'both' },
    duration: { type: 'string', default: '60s' },
    rate: { type: 'string', default: '250' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})
const say = (line: string) => void process.stdout.write(`${line}\n`)
const wanted = values.town === 'both' ? Object.keys(towns) : [values.town]
for (const name of wanted) {
  const start = towns[name]
  if (!start) throw new Error(`--town: expected ${Object.keys(towns).join(', ')} or both`)
  say(`${name}, seed ${values.seed}`)
  const town = await start()
  try {
    const settings = {
      seed: Number(values.seed),
      durationMs: duration.parse(values.duration),
      rateMax: Number(values.rate),
    }
    const report = await runDay(town, { ...settings, apartMs: 1_500, tell: say })
    say(describeDay(report))
    if (!isGood(report)) process.exitCode = 1
  } finally {
    await town.stop()
  }
}
