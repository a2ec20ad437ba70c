/** Runs all that promises have made ready, now: so an event of the simulation is over, with all its consequences, before the next begins. */
import v8 from 'node:v8'

v8.setFlagsFromString('--allow-natives-syntax')
/**
 * The engine's own way, which Node calls after each callback: 15 ns if there is nothing to run. It does nothing if it is called from within
 * a microtask (as the body of an async function is after its first await), so a world is run from a macrotask: see {@link macrotask}.
 */
export const runMicrotasks = new Function('%PerformMicrotaskCheckpoint()') as () => void
v8.setFlagsFromString('--no-allow-natives-syntax')

/** Calls `work` where {@link runMicrotasks} works. */
export function macrotask<Result>(work: () => Result): Promise<Result> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(work())
      } catch (error) {
        reject(error)
      }
    })
  })
}
