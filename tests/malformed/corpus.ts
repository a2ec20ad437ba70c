/** The corpus: every malformed or ambiguous request that the tests and the fuzzing start from. */
import { chunkCases } from './chunk-cases.ts'
import { framingCases } from './framing-cases.ts'
import { headerCases } from './header-cases.ts'
import type { MalformedCase } from './malformed-case.ts'
import { sequenceCases } from './sequence-cases.ts'
import { targetCases } from './target-cases.ts'

export const corpus: readonly MalformedCase[] = [
  ...framingCases,
  ...chunkCases,
  ...headerCases,
  ...targetCases,
  ...sequenceCases,
]
