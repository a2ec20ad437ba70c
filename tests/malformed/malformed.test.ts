/** The corpus, through a balancer, to a backend that records: nothing reaches it altered in meaning. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { pino } from 'pino'
import { type RunningBalancer, runBalancer } from '../../load-balancer/balancer.ts'
import { balancerOptions } from '../../load-balancer/config.ts'
import { FakeFollower } from '../../load-balancer/test-cluster.ts'
import { corpus } from './corpus.ts'
import { judge, withCanary } from './judge.ts'
import type { MalformedCase } from './malformed-case.ts'
import { sendRaw } from './raw-client.ts'
import { nodeUpstream, type RecordingUpstream, rawUpstream } from './recording-upstream.ts'

/** The same request, but one that takes the stream lane. */
function asStream(given: MalformedCase): MalformedCase {
  return { ...given, bytes: given.bytes.replace(/^(\S+ \S+ HTTP\/1\.1\r\n)(?=\S)/, '$1Accept: text/event-stream\r\n') }
}

const ways = [
  { title: 'by the replay lane to the recorder of bytes', upstream: rawUpstream, options: {}, change: same },
  {
    title: 'by the stream lane to the recorder of bytes',
    upstream: rawUpstream,
    options: { replayBodyBytes: 0 },
    change: asStream,
  },
  { title: 'by the replay lane to a lenient Node server', upstream: nodeUpstream, options: {}, change: same },
]

function same(given: MalformedCase): MalformedCase {
  return given
}

it('the corpus has at least 300 cases that are to be refused, and no title twice', () => {
  assert.ok(corpus.filter(({ expectation }) => expectation.type === 'refused').length >= 300)
  const titles = corpus.map(({ title, bytes }) => title + bytes)
  assert.equal(new Set(titles).size, titles.length)
})

for (const { title, upstream, options, change } of ways) {
  describe(title, () => {
    let backend: RecordingUpstream
    let balancer: RunningBalancer
    const stop = new AbortController()

    before(async () => {
      backend = await upstream()
      const follower = new FakeFollower()
      follower.decide({ shard: 0, epoch: 1, name: 'a', incarnation: 'a-1', url: backend.url, exactlyOnce: false })
      const parsed = balancerOptions.parse({ port: 0, adminPort: 0, ...options })
      balancer = await runBalancer(parsed, follower, pino({ level: 'silent' }), stop.signal)
    })
    after(async () => {
      backend.close()
      stop.abort()
      await balancer.done
    })

    for (const original of corpus.map(change)) {
      it(original.title, async () => {
        for (const given of [original, withCanary(original)]) {
          const reply = await sendRaw(balancer.port, given.bytes)
          const wrong = judge(given, reply, backend.take())
          assert.deepEqual(wrong, [], `${given.source}: ${JSON.stringify(given.bytes.slice(0, 500))}`)
        }
      })
    }
  })
}
