/** Plays a scene: its commands in order, services until the end, and what each must print. */
import assert from 'node:assert/strict'
import { type Scene, type Step, stopAll } from './scenes.ts'
import type { RunningCommand, Stage } from './stage.ts'

const readyWithinMs = 90_000
const endsWithinMs = 240_000
const stopsWithinMs = 70_000
const againAfterMs = 250

/** Fails with the output of the command that did not do what the scene says. */
export async function play({ steps }: Scene, stage: Stage): Promise<void> {
  const services: { step: Step; running: RunningCommand }[] = []
  for (const step of steps) {
    if (step.command === stopAll) await stop(services)
    else if (step.ready === undefined) await runToItsEnd(step, stage)
    else {
      const running = stage.run(commandOf(step))
      assert.ok(await running.printed(step.ready, readyWithinMs), told(step, `never said ${step.ready}`, running))
      services.push({ step, running })
    }
  }
  await stop(services)
}

/** The last that was started is stopped first. */
async function stop(services: { step: Step; running: RunningCommand }[]): Promise<void> {
  for (const { step, running } of services.splice(0).reverse()) {
    running.signal('SIGTERM')
    const code = await within(running.ended, stopsWithinMs)
    // A script of the scene's own is no service of ours: the signal is its end.
    if (step.own !== true) assert.equal(code, 0, told(step, `ended with ${code} at SIGTERM`, running))
  }
}

/** What is run for it. */
export function commandOf({ command, instead = [] }: Step): string {
  return instead.reduce((text, [from, to]) => text.replace(from, () => to), command)
}

async function runToItsEnd(step: Step, stage: Stage): Promise<void> {
  const { exit = 0, prints = /(?:)/, untilMs = 0 } = step
  const giveUpAtMs = performance.now() + untilMs
  for (;;) {
    const running = stage.run(commandOf(step))
    const code = await within(running.ended, endsWithinMs)
    if (code === exit && prints.test(running.output())) return
    if (performance.now() >= giveUpAtMs)
      assert.fail(told(step, `ended with ${code}, and was to end with ${exit} and say ${prints}`, running))
    await new Promise((resolve) => setTimeout(resolve, againAfterMs))
  }
}

function told(step: Step, what: string, running: RunningCommand): string {
  return `${commandOf(step)}: ${what}\n${running.output()}`
}

/** Undefined when the time is over. */
async function within<Value>(promise: Promise<Value>, withinMs: number): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), withinMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
