/** Plays a scene: its commands in order, services until the end, and what each must print. */
import assert from 'node:assert/strict'
import { type Scene, type Step, stopAll } from './scenes.ts'
import type { RunningCommand, Stage } from './stage.ts'

const readyWithinMs = 180_000
const endsWithinMs = 540_000
const stopsWithinMs = 70_000
const againAfterMs = 250

/** Fails with the output of the command that did not do what the scene says. */
export async function play({ steps }: Scene, stage: Stage): Promise<void> {
  const services: Running[] = []
  const beside: Running[] = []
  for (const step of steps) {
    if (step.command === stopAll) await stop(services)
    else if (step.beside) beside.push({ step, running: stage.run(commandOf(step)) })
    else if (step.ready === undefined) await runToItsEnd(step, stage)
    else {
      const running = stage.run(commandOf(step))
      assert.ok(await running.printed(step.ready, readyWithinMs), told(step, `never said ${step.ready}`, running))
      services.push({ step, running })
    }
  }
  for (const { step, running } of beside) mustHaveDone(step, running, await within(running.ended, endsWithinMs))
  await stop(services)
}

interface Running {
  readonly step: Step
  readonly running: RunningCommand
}

/** The last that was started is stopped first. */
async function stop(services: Running[]): Promise<void> {
  for (const { step, running } of services.splice(0).reverse()) {
    await running.signal('SIGTERM')
    const code = await within(running.ended, stopsWithinMs)
    // A script of the scene's own is no service of ours: the signal is its end.
    if (step.own === true || step.killed === true) continue
    assert.equal(code, step.stopped ?? 0, told(step, `ended with ${code} at SIGTERM`, running))
  }
}

/** What is run for it. */
export function commandOf({ command, instead = [] }: Step): string {
  return instead.reduce((text, [from, to]) => text.replace(from, () => to), command)
}

async function runToItsEnd(step: Step, stage: Stage): Promise<void> {
  const giveUpAtMs = performance.now() + (step.untilMs ?? 0)
  for (;;) {
    const running = stage.run(commandOf(step))
    const code = await within(running.ended, endsWithinMs)
    if (didIt(step, running, code)) return
    if (performance.now() >= giveUpAtMs) return mustHaveDone(step, running, code)
    await new Promise((resolve) => setTimeout(resolve, againAfterMs))
  }
}

function didIt({ exit = 0, prints = /(?:)/ }: Step, running: RunningCommand, code: number | undefined): boolean {
  return code === exit && prints.test(running.output())
}

function mustHaveDone(step: Step, running: RunningCommand, code: number | undefined): void {
  const { exit = 0, prints = '' } = step
  assert.ok(
    didIt(step, running, code),
    told(step, `ended with ${code}, was to end with ${exit} and say ${prints}`, running),
  )
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
