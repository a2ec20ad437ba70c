/** Runs days of traffic against a rule that says how many servers there are. Pure: no clock, no process. */
import { spike } from './day.ts'

/** A spawned server serves after this long. */
export const spawnDelaySeconds = 20
/** Requests a second that one server serves. */
export const ratePerReplica = 50
export const sampleSeconds = 5
/** What is not served within this long was given up by its client. */
const patienceSeconds = 10

/** Takes the rate of the last `sampleSeconds`, and answers how many servers there should be. */
export type Rule = (rate: number) => number

export interface Outcome {
  /** Seconds in which more was to be served than could be. */
  readonly overloadedSeconds: number
  /** Of these, within the hour of lunch (11:45 to 13:15), and in the spike and the two minutes after. */
  readonly atLunch: number
  readonly inSpike: number
  /** From the spawning of each to its end. */
  readonly replicaHours: number
  readonly replicasMax: number
}

/** The outcome of the last of `days`; those before are there to learn from. */
export function replay(days: readonly (readonly number[])[], rule: Rule, startWith: number): Outcome {
  const servers: number[] = Array.from({ length: startWith }, () => Number.NEGATIVE_INFINITY) // since when each serves, seconds
  let [now, backlog, arrived] = [0, 0, 0]
  let outcome: Outcome = { overloadedSeconds: 0, atLunch: 0, inSpike: 0, replicaHours: 0, replicasMax: 0 }
  for (const [index, day] of days.entries()) {
    for (const [second, arrivals] of day.entries()) {
      const capacity = serving(servers, now) * ratePerReplica
      const overloaded = arrivals + backlog > capacity
      backlog = Math.min(Math.max(0, arrivals + backlog - capacity), patienceSeconds * capacity)
      if (index === days.length - 1) outcome = counted(outcome, second, overloaded, servers.length)
      now += 1
      arrived += arrivals
      if (now % sampleSeconds !== 0) continue
      const desired = rule(arrived / sampleSeconds)
      arrived = 0
      while (servers.length < desired) servers.push(now + spawnDelaySeconds)
      servers.length = desired // those spawned last go first
    }
  }
  return outcome
}

/** How many serve; those that do not yet are the last. */
function serving(servers: readonly number[], now: number): number {
  let count = servers.length
  while (count > 0 && servers[count - 1]! > now) count -= 1
  return count
}

function counted(outcome: Outcome, second: number, overloaded: boolean, servers: number): Outcome {
  const lunch = second >= 11.75 * 3_600 && second < 13.25 * 3_600
  const crowd = second >= spike.startSecond && second < spike.startSecond + spike.lastsSeconds + 120
  const one = overloaded ? 1 : 0
  return {
    overloadedSeconds: outcome.overloadedSeconds + one,
    atLunch: outcome.atLunch + (lunch ? one : 0),
    inSpike: outcome.inSpike + (crowd ? one : 0),
    replicaHours: outcome.replicaHours + servers / 3_600,
    replicasMax: Math.max(outcome.replicasMax, servers),
  }
}
