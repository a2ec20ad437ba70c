/** The upper tail of the normal distribution, as φ: minus its decimal logarithm. Pure. */

/** φ at which a silence is judged. 8, as Akka and Cassandra have it: a chance of 10⁻⁸ that a living sender is silent for so long. */
export const threshold = 8

/**
 * φ of a value `deviations` standard deviations above the mean: −log₁₀ P(X > x).
 * By the complementary error function of Numerical Recipes (Press et al., 6.2, `erfcc`: relative error below 1.2 × 10⁻⁷ everywhere), in
 * logarithms, so that it neither underflows nor loses digits far out, where the logistic curve that Akka uses is off by more than one.
 */
export function phiOf(deviations: number): number {
  if (deviations < 0) return -Math.log10(1 - 10 ** -phiOf(-deviations))
  const x = deviations / Math.SQRT2
  const t = 1 / (1 + x / 2)
  let polynomial = 0
  for (let index = coefficients.length - 1; index >= 0; index--) polynomial = polynomial * t + coefficients[index]!
  return -(Math.log10(t / 2) + (polynomial - x * x) / Math.LN10)
}

const coefficients = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
]

/** How many standard deviations above the mean φ reaches {@link threshold}: about 5.61. */
export const thresholdDeviations = inverse(threshold)

/** φ rises with its argument, so halving finds where it has a value. */
function inverse(phi: number): number {
  let low = 0
  let high = 40
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (phiOf(middle) < phi) low = middle
    else high = middle
  }
  return high
}
