/** The shortest story of a failure: faults are left out for as long as it still fails (delta debugging, Zeller 1999). */
import type { Fault, Plan } from './plan.ts'

/** So many worlds are tried at most. */
const triesMax = 150

/** A plan with as few faults as were found to do; `fails` runs a world. */
export async function shortest(plan: Plan, fails: (plan: Plan) => Promise<boolean>): Promise<Plan> {
  let faults: readonly Fault[] = plan.faults
  let tries = 0
  for (let chunk = Math.ceil(faults.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let from = 0; from < faults.length && tries < triesMax; ) {
      const fewer = [...faults.slice(0, from), ...faults.slice(from + chunk)]
      tries++
      if (await fails({ ...plan, faults: fewer })) faults = fewer
      else from += chunk
    }
    if (chunk === 1) break
  }
  return { ...plan, faults }
}
