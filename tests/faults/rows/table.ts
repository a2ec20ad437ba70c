/** Every row of the table "What happens when it dies". */
import type { Row } from '../row.ts'
import { activeRows } from './active.ts'
import { balancerRows } from './balancers.ts'
import { kafkaRows } from './kafka.ts'
import { plannedRows } from './planned.ts'
import { receiverRows } from './receivers.ts'
import { standbyRows } from './standby.ts'

export const rows: readonly Row[] = [
  ...activeRows,
  ...standbyRows,
  ...receiverRows,
  ...balancerRows,
  ...kafkaRows,
  ...plannedRows,
]
