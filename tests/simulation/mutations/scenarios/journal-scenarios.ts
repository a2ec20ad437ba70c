/** Rare faults of the journal, brought about. */
import { kafkaName } from '../../kafka.ts'
import { calmPlan, type Scenario, Stage } from './scenario.ts'

export const journalScenarios: readonly Scenario[] = [
  {
    name: 'two named under one epoch',
    what: 'two backends are named under one epoch at the same time, as after a loss of the receivers’ journal',
    plan: (seed) => calmPlan(seed, {}),
    direct: (world) => {
      const stage = new Stage(world)
      stage.again(300, 700, () => {
        const epoch = stage.freeEpoch()
        stage.dropLeases(epoch)
        const [one, other] = stage.living.toSorted(() => stage.between(-1, 1))
        if (!one || !other) return
        stage.in(stage.between(0, 3), () => stage.nameBehind(one, epoch))
        stage.in(stage.between(0, 3), () => stage.nameBehind(other, epoch))
      })
    },
  },
  {
    name: 'named again over another',
    what: 'another is named, and the active again above it, with both claims on their way and requests at both',
    plan: (seed) => calmPlan(seed, { readShare: 0.2 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 20, incrementMs: 2 })
      stage.again(400, 700, () => {
        const { active } = stage
        if (!active) return
        const other = stage.oneOf(stage.others(active))
        const epoch = stage.freeEpoch()
        stage.dropLeases(epoch + 1)
        for (const { process } of stage.living) stage.part(process.name, stage.receiverNames, 150)
        stage.nameBehind(other, epoch)
        stage.in(stage.between(0, 4), () => {
          world.network.weather.slowShare = 0.4
          stage.nameBehind(active, epoch + 1)
        })
        stage.in(100, () => {
          world.network.weather.slowShare = 0
        })
      })
    },
  },
  {
    name: 'handovers in a slow network',
    what: 'handovers one after the other, while many messages and answers of Kafka are late',
    plan: (seed) => calmPlan(seed, { readShare: 0.5 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 4, incrementMs: 12 })
      Object.assign(world.network.weather, { slowMs: stage.between(10, 120) })
      stage.again(150, 500, () => {
        world.network.weather.slowShare = stage.between(0, 0.4)
        world.handOver(stage.random)
      })
    },
  },
  {
    name: 'joining cold from snapshots',
    what: 'backends die and restore from snapshots again and again, under load, and hear late of what was appended',
    plan: (seed) => calmPlan(seed, { snapshotTailBytes: 2_000, readShare: 0.2 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 50, incrementMs: 15, counters: 300 })
      world.weather.tailDelayMs = stage.between(0, 60)
      stage.again(10, 20, () => world.judge())
      stage.again(300, 900, () => {
        const name = stage.oneOf([...world.backendHosts.keys()])
        world.kill(name, stage.between(5, 200))
      })
      stage.again(600, 1_500, () => world.handOver(stage.random))
    },
  },
  {
    name: 'named in the middle of a copy',
    what: 'a standby is named while it copies its state, changes it, and is fenced before that is durable; others restore from the copy',
    plan: (seed) => calmPlan(seed, { snapshotTailBytes: 2_000, readShare: 0.2 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 50, incrementMs: 8, counters: 300 })
      let quietUntilMs = 0
      stage.again(4, 9, () => {
        const copying = stage.living.find(({ node }) => node.checkpoint.status().snapshot?.taking)
        if (!copying || copying === stage.active || world.kernel.nowMs < quietUntilMs) return
        quietUntilMs = world.kernel.nowMs + 300
        const epoch = stage.freeEpoch()
        stage.dropLeases(epoch + 1)
        stage.nameBehind(copying, epoch)
        stage.in(stage.between(4, 8), () => {
          world.weather.dropShare = 1
          stage.in(60, () => {
            world.weather.dropShare = 0
            stage.nameBehind(stage.oneOf(stage.others(copying)), epoch + 1)
          })
        })
      })
      stage.again(10, 20, () => world.judge())
      stage.again(500, 1_000, () => {
        const standbys = stage.living.filter(({ node }) => node.checkpoint.phase === 'standby')
        if (standbys.length > 0) world.kill(stage.oneOf(standbys).process.name, stage.between(5, 100))
      })
    },
  },
  {
    name: 'appends that land long after they were given up',
    what: 'for short times many appends land late, and many answers are lost',
    plan: (seed) => calmPlan(seed, { readShare: 0.5, appendDeadlineMs: 60 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 10, incrementMs: 6 })
      Object.assign(world.weather, { lateMs: stage.between(60, 300) })
      stage.again(400, 800, () => {
        Object.assign(world.weather, { lateShare: stage.between(0, 0.6), answerLostShare: stage.between(0, 0.6) })
        stage.in(stage.between(50, 300), () => Object.assign(world.weather, { lateShare: 0, answerLostShare: 0 }))
      })
    },
  },
  {
    name: 'the active dies with appends in doubt',
    what: 'appends are lost on their way while the active reads under a lease, and then it dies',
    plan: (seed) => calmPlan(seed, { readShare: 1, appendDeadlineMs: 60 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 50 })
      stage.again(1_200, 1_800, () => {
        world.weather.dropShare = 1
        // Before and after the append is given up, which is then settled.
        stage.in(stage.between(0, 1) < 0.4 ? stage.between(10, 60) : stage.between(90, 190), () => {
          if (stage.active) world.kill(stage.active.process.name, 600)
          world.weather.dropShare = 0
        })
      })
    },
  },
  {
    name: 'fenced with changes under way',
    what: 'the active is named away, again and again, while changes are on their way to the journal',
    plan: (seed) => calmPlan(seed, { readShare: 0.2 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 50, incrementMs: 3 })
      stage.again(10, 30, () => world.judge())
      stage.again(300, 700, () => {
        const { active } = stage
        if (!active) return
        const epoch = stage.freeEpoch()
        stage.dropLeases(epoch)
        if (stage.between(0, 1) < 0.5) stage.cut(active.process.name, [kafkaName], stage.between(5, 100))
        stage.nameBehind(stage.oneOf(stage.others(active)), epoch)
      })
    },
  },
]
