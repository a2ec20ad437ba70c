/** The option of commands that draw a live view. */
import { flag } from '../../checkpoint/units.ts'

export const liveOption = flag
  .default(true)
  .meta({ description: 'draw a live view where standard output is a terminal; elsewhere there are plain lines anyway' })
