import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { phiOf, threshold, thresholdDeviations } from './normal-tail.ts'
import { Suspicion } from './suspicion.ts'

/** A second, dumb way to the same number: Simpson's rule over the density, far enough out. */
function phiByIntegration(deviations: number): number {
  const end = deviations + 12
  const steps = 20_000
  const width = (end - deviations) / steps
  let sum = 0
  for (let index = 0; index <= steps; index++) {
    const x = deviations + index * width
    const weight = index === 0 || index === steps ? 1 : index % 2 === 1 ? 4 : 2
    sum += weight * Math.exp((-x * x) / 2)
  }
  return -Math.log10((sum * width) / 3 / Math.sqrt(2 * Math.PI))
}

/** Akka's PhiAccrualFailureDetector: a logistic curve (Bowling et al. 2009), good near the mean. */
function phiOfAkka(deviations: number): number {
  const e = Math.exp(-deviations * (1.5976 + 0.070566 * deviations * deviations))
  return deviations > 0 ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e))
}

describe('φ of the normal tail', () => {
  const table: [deviations: number, phi: number][] = [
    [0, 0.30103], // half of all gaps are longer than the mean
    [1.2815515655, 1],
    [2.326347874, 2],
    [3.0902323062, 3],
    [4.2648907939, 5],
    [5.6120012442, 8],
    [9.2623400898, 20],
  ]
  for (const [deviations, phi] of table) {
    it(`is ${phi} at ${deviations} deviations, as in the tables`, () => {
      assert.ok(Math.abs(phiOf(deviations) - phi) < 1e-5, `${phiOf(deviations)}`)
    })
  }

  it('agrees with numerical integration', () => {
    for (let deviations = -3; deviations <= 12; deviations += 0.25)
      assert.ok(Math.abs(phiOf(deviations) - phiByIntegration(deviations)) < 1e-4, `at ${deviations}`)
  })

  it("agrees with Akka's curve where that is good", () => {
    for (let deviations = -2; deviations <= 2.5; deviations += 0.1)
      assert.ok(Math.abs(phiOf(deviations) - phiOfAkka(deviations)) < 0.03, `at ${deviations}`)
  })

  it('rises without end: no silence is so long that it overflows', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -8, max: 1e6, noNaN: true }),
        fc.double({ min: 0.001, max: 1e6, noNaN: true }),
        (a, more) => {
          assert.ok(Number.isFinite(phiOf(a)))
          assert.ok(phiOf(a + more) >= phiOf(a))
        },
      ),
    )
  })

  it('reaches its threshold at the deviations it says', () => {
    assert.ok(Math.abs(phiOf(thresholdDeviations) - threshold) < 1e-9)
  })
})

/** Hears `count` gaps and returns the detector and the time of the last. */
function watch(gapsMs: number[], intervalMs = 100): { suspicion: Suspicion; lastMs: number } {
  let nowMs = 1_000
  const suspicion = new Suspicion(intervalMs, nowMs)
  for (const gapMs of gapsMs) {
    nowMs += gapMs
    suspicion.heard(nowMs)
  }
  return { suspicion, lastMs: nowMs }
}
const quiet = Array.from({ length: 300 }, (_, index) => 100 + (index % 3) - 1)

describe('suspicion', () => {
  it('suspects a hang 190 to 220 ms after the last heartbeat on a quiet machine', () => {
    for (const gaps of [quiet, [], [100]]) {
      const { suspicion, lastMs } = watch(gaps)
      assert.ok(suspicion.patienceMs() >= 190 && suspicion.patienceMs() <= 220, `${suspicion.patienceMs()}`)
      assert.ok(suspicion.phi(lastMs + 190) < threshold)
      assert.ok(suspicion.phi(lastMs + 220) >= threshold)
    }
  })

  it('becomes more patient on a jittery machine, and impatient again when it calms down', () => {
    const jittery = Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? 60 : 140))
    const { suspicion } = watch(jittery)
    assert.ok(suspicion.patienceMs() > 300, `${suspicion.patienceMs()}`)
    const { suspicion: calmed } = watch([...jittery, ...quiet])
    assert.ok(calmed.patienceMs() < 220, `${calmed.patienceMs()}`)
  })

  it('does not let a gap that it outwaited change much, nor for long', () => {
    const { suspicion } = watch([...quiet, 160, ...quiet.slice(0, 20)])
    assert.ok(suspicion.patienceMs() > 220 && suspicion.patienceMs() < 250, `${suspicion.patienceMs()}`)
    const { suspicion: later } = watch([...quiet, 160, ...quiet.slice(0, 100)])
    assert.ok(later.patienceMs() < 220, `${later.patienceMs()}`)
  })

  it('is never less patient than the longest gap of the last seconds, and half of it', () => {
    const { suspicion } = watch([...quiet, 180, 260, ...quiet.slice(0, 50)])
    assert.equal(suspicion.patienceMs(), 390)
  })

  it('waits for a sender whose event loop stands still at times, by its own word, and for no word without end', () => {
    const after = (delayMs: number, quietBeats = 0) => {
      const { suspicion, lastMs } = watch(quiet)
      suspicion.heard(lastMs + 100, delayMs)
      for (let beat = 2; beat <= quietBeats + 1; beat++) suspicion.heard(lastMs + beat * 100, 1)
      return suspicion.patienceMs()
    }
    assert.ok(after(30) < 220, 'what the margin covers changes nothing')
    assert.equal(after(140), 450)
    assert.equal(after(1e9), 1_350)
    assert.ok(after(140, 100) < 220, 'forgotten after the window')
  })

  it('where load sets in at once, suspects the living far more seldom than the normal distribution alone does', () => {
    const random = seeded(7)
    let trusting = 0
    let alone = 0
    for (let onset = 0; onset < 200; onset++) {
      let nowMs = 0
      const suspicion = new Suspicion(100, nowMs)
      const normal = new Suspicion(100, nowMs)
      for (const gap of quiet.slice(0, 100)) {
        nowMs += gap
        suspicion.heard(nowMs, 1)
        normal.heard(nowMs)
      }
      // Most turns of a saturated machine are short, one in ten is long; a heartbeat's is one of the ten since the one before.
      for (let beat = 0; beat < 300; beat++) {
        const delays = Array.from({ length: 10 }, () => random() * (random() < 0.1 ? 170 : 20))
        const gapMs = 100 + delays[0]!
        if (gapMs >= suspicion.patienceMs()) trusting++
        if (normal.phi(nowMs + gapMs) >= threshold) alone++
        nowMs += gapMs
        suspicion.heard(nowMs, Math.max(...delays))
        normal.heard(nowMs)
      }
    }
    assert.ok(alone > 100, `${alone} suspicions by φ alone`)
    assert.ok(trusting < alone / 20, `${trusting} suspicions, ${alone} by φ alone`)
  })

  it('takes extra heartbeats as a sign of life, not as a rhythm', () => {
    const { suspicion, lastMs } = watch([...quiet, ...Array.from({ length: 100 }, () => 3)])
    assert.equal(suspicion.heardAtMs, lastMs)
    assert.ok(suspicion.patienceMs() >= 190, `${suspicion.patienceMs()}`)
  })

  it('starts anew when another interval is expected', () => {
    const { suspicion, lastMs } = watch(quiet)
    suspicion.expect(1_000, lastMs)
    assert.ok(suspicion.patienceMs() > 1_900 && suspicion.patienceMs() < 2_200, `${suspicion.patienceMs()}`)
  })

  it('has reached the threshold when its patience ends, whatever the gaps; exactly then if they are regular', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 5_000, noNaN: true }), { maxLength: 150 }), (gaps) => {
        const { suspicion, lastMs } = watch(gaps)
        assert.ok(suspicion.phi(lastMs + suspicion.patienceMs() * 1.0001) >= threshold)
      }),
    )
    const { suspicion, lastMs } = watch(quiet)
    assert.ok(suspicion.phi(lastMs + suspicion.patienceMs() * 0.9999) <= threshold)
  })
})

/** mulberry32: the same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
