/** The active backend fails, or is cut off. */
import { harness } from '../network.ts'
import type { Row } from '../row.ts'
import { shapes } from '../shapes.ts'
import type { Stage } from '../stage.ts'

/** Long enough that whoever was cut off acts on it. */
const cutMs = 1_500
const zombieMs = 400
/** What was under way is journaled by then. */
const lastWriteMs = 60
const briefPause = 'a short pause, no error'
const usual = { shape: shapes.usual, allowance: 'nothing' } as const

async function killBy(stage: Stage, signal: NodeJS.Signals): Promise<void> {
  const active = stage.active()
  stage.end(active, signal)
  await stage.untilTakenOverFrom(active)
  await stage.start(active)
}

export const activeRows: readonly Row[] = [
  {
    ...usual,
    name: 'active-killed',
    event: 'active: `kill -9`',
    promise: briefPause,
    run: (stage) => killBy(stage, 'SIGKILL'),
  },
  {
    ...usual,
    name: 'active-crashes',
    event: 'active: crash (an exception that nobody catches)',
    promise: briefPause,
    run: (stage) => killBy(stage, 'SIGUSR2'),
  },
  {
    ...usual,
    name: 'active-exits',
    event: 'active: exits at once, with an error code',
    promise: briefPause,
    run: (stage) => killBy(stage, 'SIGWINCH'),
  },
  {
    ...usual,
    name: 'active-hangs',
    event: 'active: hangs (SIGSTOP), later resumes as a zombie',
    promise: 'a pause of the detection time',
    run: async (stage) => {
      const active = stage.active()
      stage.signal(active, 'SIGSTOP')
      await stage.untilTakenOverFrom(active)
      await stage.pause(zombieMs)
      const fenced = stage.untilSaid(active, /fenced|standby/i)
      stage.signal(active, 'SIGCONT')
      await fenced
    },
  },
  {
    ...usual,
    name: 'active-cut-off-from-receivers',
    event: 'active: cut off from the receivers',
    promise: 'a pause, or none',
    run: async (stage) => {
      const active = stage.active()
      await stage.cut(active, stage.system.namesOf('receiver'))
      await stage.pause(cutMs)
      await stage.untilServed()
      await stage.heal()
    },
  },
  {
    ...usual,
    name: 'active-cut-off-from-kafka',
    needsNamespaces: true,
    event: 'active: cut off from Kafka',
    promise: 'a pause',
    run: async (stage) => {
      const active = stage.active()
      await stage.cut(active, [harness])
      await stage.untilTakenOverFrom(active)
      await stage.pause(zombieMs)
      await stage.heal()
    },
  },
  {
    ...usual,
    name: 'active-cut-off-from-balancers',
    // A proxy takes the connection all the same, which is what a balancer tells the dead by.
    needsNamespaces: true,
    event: 'active: cut off from the balancers',
    promise: 'a pause',
    run: async (stage) => {
      const active = stage.active()
      await stage.cut(active, stage.system.namesOf('balancer'))
      await stage.untilTakenOverFrom(active)
      await stage.pause(zombieMs)
      await stage.heal()
    },
  },
  {
    ...usual,
    name: 'active-cut-off-with-a-balancer',
    needsNamespaces: true,
    event: 'active: cut off from all but one balancer, which hears of no other either',
    promise: 'a pause, longer at that balancer; no stale read',
    readersAtFirst: true,
    run: async (stage) => {
      const active = stage.active()
      const receivers = stage.system.namesOf('receiver')
      const [beside, ...balancers] = stage.system.namesOf('balancer')
      // Clients still reach that balancer, and its reads still reach the old active, which has no write under way: only its lease ends them.
      await Promise.all([stage.cut(beside!, receivers), stage.block(beside!, harness), stage.cut(active, balancers)])
      await stage.pause(lastWriteMs)
      await stage.cut(active, [...receivers, harness])
      await stage.untilTakenOverFrom(active)
      await stage.pause(zombieMs)
      await stage.heal()
    },
  },
  {
    ...usual,
    name: 'heartbeats-reset',
    event: 'a middlebox resets the living active’s heartbeat connections',
    promise: 'at most the lease time, no stale read',
    run: async (stage) => {
      for (const gapMs of [120, 350, 20, 500]) {
        const active = stage.active()
        for (const receiver of stage.system.namesOf('receiver')) await stage.reset(active, receiver)
        await stage.pause(gapMs)
        await stage.untilServed()
      }
    },
  },
]
