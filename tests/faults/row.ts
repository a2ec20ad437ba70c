/** One row of the table "What happens when it dies". */
import type { Shape } from './shapes.ts'
import type { Stage } from './stage.ts'
import type { Allowance } from './verdict.ts'

export interface Row {
  /** For `--only`. */
  readonly name: string
  /** What happens, as the design's table says it. */
  readonly event: string
  /** What clients see, as promised. */
  readonly promise: string
  readonly allowance: Allowance
  readonly shape: Shape
  /** What no proxy can do. */
  readonly needsNamespaces?: true
  /** Whether clients of the first balancer only read: reads wait for the writes that they saw, so that these would hide what reads alone show. */
  readonly readersAtFirst?: true
  /** Makes it happen and makes it good again. What is still missing when it resolves, or rejects, is started and healed. */
  run(stage: Stage): Promise<void>
}
