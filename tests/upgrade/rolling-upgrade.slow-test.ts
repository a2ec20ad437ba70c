/**
 * The version before this one and this one, side by side, while clients are served: up, one process after the other, and down again. No request
 * fails, nothing that was promised is lost, nothing is run twice; and with both versions among the backends the active of each is killed.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { needsKafka } from '../needs.ts'
import { checkOutPrevious, needsPrevious } from './checkout.ts'
import { Installation, type Place, type Version } from './installation.ts'
import { previousVersion } from './previous-version.ts'

/** `UPGRADE_SEED` repeats a shuffled order. */
const seed = Number(process.env.UPGRADE_SEED ?? Math.floor(Math.random() * 1_000_000))
/** Far more than it takes on a quiet machine, which is a minute or two. */
const timeout = 900_000
const previous = { folder: '', remove: async () => {} }

before(async () => {
  if (!needsPrevious.skip) Object.assign(previous, await checkOutPrevious())
})
after(() => previous.remove())

type Kinds = Installation['kinds']
interface Order {
  readonly title: string
  readonly place: Place
  of(kinds: Kinds): readonly string[]
}

/** Standbys before the active: the first backend leads at the beginning. */
const recommended = ({ receivers, balancers, backends }: Kinds) => [
  ...receivers,
  ...balancers,
  ...backends.toReversed(),
]

const orders: readonly Order[] = [
  {
    title: 'receivers, balancers, backends, as docs/upgrades.md recommends',
    place: 'kafka',
    of: recommended,
  },
  {
    title: 'backends, balancers, receivers',
    place: 'kafka',
    of: ({ receivers, balancers, backends }) => [...backends, ...balancers, ...receivers],
  },
  {
    title: `all in an order drawn from the seed ${seed}`,
    place: 'kafka',
    of: ({ receivers, balancers, backends }) => shuffled([...receivers, ...balancers, ...backends], seed),
  },
  {
    title: 'on the embedded journal, whose files both versions have open',
    place: 'embedded',
    of: recommended,
  },
]

for (const { title, place, of } of orders) {
  const needs = place === 'kafka' && needsKafka.skip ? needsKafka : needsPrevious
  test(`from ${previousVersion.tag} to this version and back: ${title}`, { ...needs, timeout }, async (t) => {
    const installation = await Installation.start(previous.folder, place, seed)
    t.after(() => installation.end())
    const order = of(installation.kinds)
    const tell = (text: string) => t.diagnostic(text)
    try {
      await changeAll(installation, order, 'this', tell)
      await changeAll(installation, order.toReversed(), 'previous', tell)
    } catch (error) {
      assert.fail(`${String(error)}\n${installation.said.slice(-40).join('\n')}`)
    }
    const { report, findings, readBackError } = await installation.stopClients()
    const { errors, lost, doubled, requests, ok } = report
    const nothing = { errors: {}, lost: 0, doubled: 0, findings: [], readBackError: undefined }
    assert.deepEqual({ errors, lost, doubled, findings, readBackError }, nothing, installation.said.join('\n'))
    assert.ok(ok > 0 && ok === requests)
    const misread = installation.said.filter((line) => /malformed|not supported|of this protocol version/.test(line))
    assert.deepEqual(misread, [], 'nobody is told what it does not know')
    tell(`${requests} requests, none failed, nothing lost, nothing doubled`)
  })
}

/** One process after the other. With backends of both versions there, one of each is made active and killed. */
async function changeAll(
  installation: Installation,
  order: readonly string[],
  to: Version,
  tell: (text: string) => void,
): Promise<void> {
  for (const name of order) {
    const { kind, pauseMs } = await installation.change(name, to)
    tell(`${name} to ${to}: ${kind}, pause ${Math.round(pauseMs)} ms`)
    await installation.untilToldOfTraffic()
    await installation.drainStandbys()
    const both = [installation.backendsOf('previous')[0], installation.backendsOf('this')[0]]
    if (!name.startsWith('backend-')) continue
    for (const active of both) {
      if (active === undefined || both.includes(undefined)) continue
      const successor = await installation.failAfterHandingTo(active)
      tell(
        `kill -9 of ${active} (${installation.versionOf(active)}): ${successor} (${installation.versionOf(successor)})`,
      )
    }
  }
}

/** Fisher and Yates, upon a linear congruential generator (Numerical Recipes). */
function shuffled(names: string[], from: number): string[] {
  let state = from >>> 0
  for (let last = names.length - 1; last > 0; last--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const other = Math.floor((state / 2 ** 32) * (last + 1))
    ;[names[last], names[other]] = [names[other]!, names[last]!]
  }
  return names
}
