/** Rare faults of leases and authority, brought about. In each the active cannot see in the journal that another reigns: only rules keep its reads right. */
import { suspend } from '../../faults.ts'
import { kafkaName } from '../../kafka.ts'
import { calmPlan, type Scenario, Stage } from './scenario.ts'

const readers = { readShare: 1 } as const
/** An epoch after many reigns. */
const longHistory = 1_000_000

/** Who is what where two receivers see different backends: `early` is seen by the leading receiver alone, `late` by the next one alone. */
interface Parted {
  readonly active: string
  readonly early: string
  readonly late: string
  readonly leader: string
  readonly next: string
}

/** Parts each of the two standbys from one receiver, long before anything else happens. */
function partReceivers(stage: Stage): Parted | undefined {
  const { active, leadingReceiver } = stage
  const leader = leadingReceiver?.process.name
  const next = stage.receiverNames.find((name) => name !== leader)
  const [early, late] = active ? stage.others(active).map(({ process }) => process.name) : []
  if (!active || leader === undefined || next === undefined || early === undefined || late === undefined) return
  stage.part(early, [next], 4_000)
  stage.part(late, [leader], 4_000)
  return { active: active.process.name, early, late, leader, next }
}

/** From when it serves on, it hears nothing from Kafka. */
function blindOnceActive(stage: Stage, name: string, fromMs: number): void {
  let blind = false
  for (let delayMs = fromMs; delayMs < fromMs + 400; delayMs++) {
    stage.in(delayMs, () => {
      if (blind || stage.active?.process.name !== name) return
      blind = true
      stage.in(20, () => stage.blind(name, 1_200))
    })
  }
}

export const leaseScenarios: readonly Scenario[] = [
  {
    name: 'three reigns within one lease',
    what: 'the active gives its lease up, another is named, it again, and a third, all within the time of that lease',
    plan: (seed) => calmPlan(seed, { ...readers, heartbeatMs: 200 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 10 })
      stage.again(900, 1_300, () => {
        const { active } = stage
        if (!active) return
        const [second, third] = stage.others(active)
        if (!second || !third) return
        const epoch = stage.freeEpoch()
        for (const { process } of stage.living) stage.part(process.name, stage.receiverNames, 300)
        stage.dropLeases(epoch)
        stage.nameBehind(second, epoch)
        stage.in(stage.between(10, 25), () => stage.nameBehind(active, epoch + 1))
        stage.in(stage.between(35, 50), () => stage.blind(active.process.name, 200))
        stage.in(stage.between(50, 80), () => stage.nameBehind(third, epoch + 2))
      })
    },
  },
  {
    name: 'grants that come late',
    what: 'answers to heartbeats are held up in the network, and then the active is cut off',
    plan: (seed) => calmPlan(seed, readers),
    direct: (world) => {
      const stage = new Stage(world)
      stage.again(2_500, 3_000, () => {
        const name = stage.active?.process.name
        if (name === undefined) return
        stage.blind(name, 1_500)
        for (const receiver of stage.receiverNames) stage.cut(receiver, [name], stage.between(200, 320))
        stage.in(20, () => stage.cut(name, stage.receiverNames, 1_500))
      })
    },
  },
  {
    name: 'the active sleeps with its machine',
    what: "the active's machine is suspended, so that its monotonic clock stands still, and wakes up",
    plan: (seed) => calmPlan(seed, readers),
    direct: (world) => {
      const stage = new Stage(world)
      stage.again(2_000, 3_000, () => {
        const name = stage.active?.process.name
        if (name === undefined) return
        stage.callers.readOnly.add(name)
        stage.in(5, () => suspend(world, name, stage.between(400, 1_200)))
        stage.in(1_500, () => stage.callers.readOnly.delete(name))
      })
    },
  },
  {
    name: "the active's heartbeats are reset",
    what: 'a middlebox resets the connections between the active and the receivers; the active is alive',
    plan: (seed) => calmPlan(seed, { ...readers, heartbeatMs: 200 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 10 })
      stage.again(1_200, 1_800, () => {
        const { active } = stage
        if (!active) return
        stage.blind(active.process.name, 500)
        stage.in(stage.between(10, 30), () => {
          for (const connection of world.network.connections) {
            const [near, far] = connection.ends
            if (near.process !== active.process || !far.process.name.startsWith('receiver')) continue
            connection.reset([stage.between(100, 900), 0.1])
          }
        })
      })
    },
  },
  {
    name: 'the active deposed in good health',
    what: 'no balancer reaches the active, which is well otherwise: another is named',
    plan: (seed) => calmPlan(seed, { readShare: 0.5 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 10 })
      const balancers = Array.from({ length: world.plan.balancers }, (_, index) => `balancer-${index + 1}`)
      const partActive = (forMs: number) => {
        const name = stage.active?.process.name
        if (name !== undefined) stage.part(name, balancers, forMs)
      }
      stage.again(2_500, 3_500, () => partActive(2_200))
      world.kernel.at(world.plan.healedMs + 50, () => partActive(60_000))
    },
  },
  {
    name: 'handovers with a deaf active',
    what: 'the active hears nothing from the receivers and from Kafka while it is to hand over',
    plan: (seed) => calmPlan(seed, readers),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 10 })
      stage.again(500, 900, () => {
        const name = stage.active?.process.name
        if (name === undefined) return
        if (stage.between(0, 1) < 0.6) {
          stage.blind(name, 350)
          for (const receiver of stage.receiverNames) stage.cut(receiver, [name], 350)
        }
        stage.in(10, () => world.handOver(stage.random))
      })
    },
  },
  {
    name: 'the leading receiver sleeps',
    what: 'the leading receiver stands still while another takes over and names another active, and goes on with old heartbeats to answer',
    plan: (seed) => calmPlan(seed, { ...readers, receivers: 2 }),
    direct: (world) => {
      const stage = new Stage(world)
      stage.again(3_000, 3_500, () => {
        const { active, leadingReceiver: leader } = stage
        if (!active || !leader) return
        const { name } = active.process
        const others = stage.receiverNames.filter((receiver) => receiver !== leader.process.name)
        stage.part(name, others, 2_500)
        stage.in(600, () => {
          stage.blind(name, 1_800)
          for (const other of stage.others(active)) stage.part(other.process.name, [leader.process.name], 1_500)
          leader.process.stop()
        })
        stage.in(600 + stage.between(750, 960), () => leader.process.resume())
      })
    },
  },
  {
    name: 'the leading receiver loses its journal, and its active',
    what: 'the leading receiver is cut off from its journal, and within its authority the active dies: whom it names the next receiver does not see',
    plan: (seed) => calmPlan(seed, { ...readers, receivers: 2, heartbeatMs: 200 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 8 })
      stage.again(4_000, 4_500, () => {
        const parted = partReceivers(stage)
        if (!parted) return
        const { active, leader, next } = parted
        stage.in(1_500, () => stage.part(leader, [next, kafkaName], 2_500))
        stage.in(1_500 + stage.between(5, 100), () => world.kill(active, 2_500))
        blindOnceActive(stage, parted.early, 1_500)
      })
    },
  },
  {
    name: 'the leading receiver loses its journal, and names another',
    what: 'the leading receiver, cut off from its journal, deposes an active that the next receiver still sees',
    plan: (seed) => calmPlan(seed, { ...readers, receivers: 2 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 8 })
      stage.again(4_000, 4_500, () => {
        const parted = partReceivers(stage)
        if (!parted) return
        const { active, leader, next, late } = parted
        stage.in(1_500, () => stage.part(active, [leader], 2_500))
        stage.in(1_600, () => {
          stage.blind(active, 2_000)
          stage.blind(late, 2_000)
        })
        stage.in(1_500 + stage.between(80, 250), () => stage.part(leader, [next, kafkaName], 2_000))
      })
    },
  },
  {
    name: "the receivers' journal is lost",
    what: 'all receivers die, and the journal of decisions is empty when they start again; then the active dies',
    plan: (seed) => calmPlan(seed, {}),
    direct: (world) => {
      const stage = new Stage(world)
      world.kernel.at(2_500, () => {
        const { active } = stage
        if (!active) return
        stage.dropLeases(longHistory)
        stage.nameBehind(active, longHistory) // as after many reigns
      })
      world.kernel.at(stage.between(4_000, 6_000), () => {
        for (const name of stage.receiverNames) world.kill(name, 300)
        stage.in(100, () => {
          world.decisions.records.length = 0
        })
        stage.in(2_000, () => world.kill(stage.active?.process.name ?? 'backend-1', 500))
      })
    },
  },
  {
    name: 'the leading receiver dies with the active cut off',
    what: 'the leading receiver dies; the active holds a lease of it, and the next receiver does not see that active',
    plan: (seed) => calmPlan(seed, { ...readers, receivers: 2, heartbeatMs: 200 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 8 })
      stage.again(3_000, 3_500, () => {
        const { active, leadingReceiver: leader } = stage
        if (!active || !leader) return
        const { name } = active.process
        const others = stage.receiverNames.filter((receiver) => receiver !== leader.process.name)
        stage.part(name, others, 2_500)
        stage.in(1_000, () => stage.blind(name, 1_300))
        stage.in(1_010 + stage.between(0, 200), () => world.kill(leader.process.name, 1_500))
      })
    },
  },
  {
    name: 'receivers with different heartbeats',
    what: 'the leading receiver dies; the active is cut off with a lease of it that is longer than those of the next receiver',
    plan: (seed) => calmPlan(seed, { ...readers, receivers: 2, heartbeatsMs: { 'receiver-1': 1_000 } }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 8 })
      stage.again(2_500, 3_000, () => {
        const { active, leadingReceiver: leader } = stage
        if (!active || !leader) return
        if (leader.process.name !== 'receiver-1') return world.kill(leader.process.name, 500)
        const { name } = active.process
        stage.in(990, () => stage.part(name, stage.receiverNames, 1_500))
        stage.in(1_000, () => stage.blind(name, 1_500))
        stage.in(1_010 + stage.between(0, 200), () => world.kill('receiver-1', 1_500))
      })
    },
  },
  {
    name: 'the leading receiver goes blind',
    what: 'the leading receiver hears nothing from its journal and its peers, and grants on within its authority',
    plan: (seed) => calmPlan(seed, { ...readers, receivers: 2, heartbeatMs: 200 }),
    direct: (world) => {
      const stage = new Stage(world, { readMs: 2, incrementMs: 8 })
      stage.again(3_000, 3_500, () => {
        const { active, leadingReceiver: leader } = stage
        if (!active || !leader) return
        const { name } = active.process
        const others = stage.receiverNames.filter((receiver) => receiver !== leader.process.name)
        stage.part(name, others, 2_800)
        stage.in(1_000, () => stage.blind(name, 1_500))
        stage.in(1_010 + stage.between(0, 200), () => {
          stage.part(leader.process.name, others, 1_500)
          stage.cut(kafkaName, [leader.process.name], 1_500)
        })
      })
    },
  },
]
