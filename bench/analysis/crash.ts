/** one of three backends is killed in the middle of the run. */
import { unixNowMs } from '../../compose/load/clock.ts'
import { type CrashAnswer, crashStory } from './crash-story.ts'
import { backendsNamed, type PartContext, withService } from './part.ts'
import type { CrashResult } from './results.ts'
import { evenKeys, send } from './traffic.ts'

const killed = 'b2'
/** What the plot shows around the kill, seconds, in intervals of a tenth. */
const shownSeconds = { before: 1, after: 2 }

export async function crashes(context: PartContext): Promise<CrashResult[]> {
  const results: CrashResult[] = []
  for (const strategy of context.options.strategies) {
    context.say(`A-4 ${strategy}: one of three is killed`)
    results.push(await crash(strategy, context))
  }
  return results
}

async function crash(strategy: string, context: PartContext): Promise<CrashResult> {
  const backends = backendsNamed(3)
  const names = backends.map(({ name }) => name)
  const answers: CrashAnswer[] = []
  let killedAtMs = 0
  const { requests, errors } = await withService({ strategy, backends }, context, (service) =>
    send(service.url, context.options, evenKeys, context.signal, (answer) => {
      answers.push(answer)
      if (answers.length !== Math.floor(context.options.requests / 2)) return
      killedAtMs = unixNowMs()
      service.kill(killed)
    }),
  )
  const story = crashStory(answers, { killed, killedAtMs, names })
  return { strategy, requests, errors, killed, ...story, timeline: timelineOf(answers, killedAtMs, names) }
}

function timelineOf(answers: CrashAnswer[], killedAtMs: number, names: string[]): CrashResult['timeline'] {
  const { before, after } = shownSeconds
  const tenths = Array.from({ length: (before + after) * 10 }, (_, index) => index - before * 10)
  const counts = new Map<string, number>()
  for (const { atMs, backend } of answers) {
    const slot = `${Math.floor((atMs - killedAtMs) / 100)} ${backend}`
    counts.set(slot, (counts.get(slot) ?? 0) + 1)
  }
  return tenths.flatMap((tenth) =>
    names.map((backend) => ({ atSeconds: tenth / 10, backend, answers: counts.get(`${tenth} ${backend}`) ?? 0 })),
  )
}
