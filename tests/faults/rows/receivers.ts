/** Receivers die, hang, or lose their journal. */
import kafkajs from 'kafkajs'
import { unixNowMs } from '../../../compose/load/clock.ts'
import { TestClient } from '../client.ts'
import type { Row } from '../row.ts'
import { shapes, spareBalancer } from '../shapes.ts'
import type { Stage } from '../stage.ts'

const awayMs = 600
const zombieMs = 500
const usual = { shape: shapes.usual, allowance: 'nothing', promise: 'no error' } as const

/** The receiver that decides. */
function leader(stage: Stage): Promise<string> {
  return stage.until('a receiver that leads', async () => {
    for (const name of stage.system.namesOf('receiver')) if (await stage.system.leads(name)) return name
    return undefined
  })
}

/** What receivers are for: a death is noticed, and somebody is named. */
async function failOver(stage: Stage): Promise<void> {
  const active = stage.active()
  stage.kill(active)
  await stage.untilTakenOverFrom(active)
  await stage.start(active)
}

export const receiverRows: readonly Row[] = [
  {
    ...usual,
    name: 'lone-receiver-dies',
    event: 'receiver: the only one dies and is started again; then the active dies',
    promise: 'no error; then a short pause',
    shape: shapes.lone,
    run: async (stage) => {
      stage.kill('receiver-1')
      await stage.pause(awayMs)
      await stage.start('receiver-1')
      await stage.untilWhole()
      await failOver(stage)
    },
  },
  {
    ...usual,
    name: 'leading-receiver-dies',
    event: 'receiver: the leading one of two dies; the other leads, and then the active dies',
    promise: 'no error; then a short pause',
    run: async (stage) => {
      const leading = await leader(stage)
      stage.kill(leading)
      await stage.pause(awayMs)
      await failOver(stage)
      await stage.start(leading)
    },
  },
  {
    ...usual,
    name: 'leading-receiver-and-active-die',
    event: 'receiver: the leading one of two dies together with the active',
    promise: 'a pause',
    run: async (stage) => {
      const [leading, active] = [await leader(stage), stage.active()]
      stage.kill(leading, active)
      await stage.untilTakenOverFrom(active)
      await stage.start(leading, active)
    },
  },
  {
    ...usual,
    name: 'leading-receiver-hangs',
    event: 'receiver: the leading one of two hangs (SIGSTOP); the active dies; the receiver resumes as a zombie',
    promise: 'a pause',
    run: async (stage) => {
      const leading = await leader(stage)
      stage.signal(leading, 'SIGSTOP')
      await stage.pause(zombieMs)
      const active = stage.active()
      stage.kill(active)
      await stage.untilTakenOverFrom(active)
      stage.signal(leading, 'SIGCONT')
      await stage.start(active)
    },
  },
  {
    ...usual,
    name: 'all-receivers-die',
    event: 'receiver: all die; a balancer that is started then serves all the same',
    run: async (stage) => {
      const receivers = stage.system.namesOf('receiver')
      stage.kill(...receivers)
      await stage.pause(awayMs)
      await stage.start(spareBalancer)
      await serves(stage, spareBalancer)
      stage.end(spareBalancer, 'SIGTERM')
      await stage.untilServed()
      await stage.start(...receivers)
    },
  },
  {
    ...usual,
    name: 'decisions-lost',
    event: 'receiver: the journal of decisions is lost; epochs go on above, and then the active dies',
    promise: 'no error; then a short pause',
    run: async (stage) => {
      const epoch = stage.traffic.last!.epoch
      const receivers = stage.system.namesOf('receiver')
      stage.kill(...receivers)
      await deleteTopic(stage, `${stage.system.topicPrefix}.decisions`)
      await stage.start(...receivers)
      await stage.untilWhole()
      await failOver(stage)
      const after = stage.traffic.last!.epoch
      if (after <= epoch) stage.complain(`the epoch was ${epoch} before the decisions were lost, and is ${after} after`)
    },
  },
]

/** One write and one read through a balancer of its own. */
async function serves(stage: Stage, balancer: string): Promise<void> {
  const client = new TestClient(-1, [await stage.system.balancerUrl(balancer)])
  try {
    for (const operation of [
      { op: 'increment', counter: `${balancer}-${unixNowMs()}` },
      { op: 'read-counter', counter: 'whole' },
    ] as const) {
      const { outcome } = await client.perform(operation, unixNowMs())
      if (outcome.type === 'answered') stage.note(`${balancer} serves`)
      else stage.complain(`${balancer}, started with no receiver, does not serve: ${outcome.code}`)
    }
  } finally {
    await client.close()
  }
}

async function deleteTopic(stage: Stage, topic: string): Promise<void> {
  const { kafka } = stage.system
  const admin = new kafkajs.Kafka({ brokers: kafka.brokers, logLevel: kafkajs.logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await admin.deleteTopics({ topics: [topic] })
    stage.note(`deleted the topic ${topic}`)
  } finally {
    await admin.disconnect()
  }
}
