/** State to begin with: registers of the ticket office, about 100 bytes each, the same for the same number. */
import type { Checkpoint, CheckpointMap } from '../../checkpoint/index.ts'
import { seededRandom } from '../load/random.ts'

/** As the ticket office keeps it. */
export interface FilledRegister {
  value: string
  version: number
}

/** Where the ticket office keeps its registers. */
export const filledMap = 'registers'
const keysPerTransaction = 200
/** Transactions under way: a few groups' worth, far below what a checkpoint lets wait. */
const transactionsUnderWay = 64
const valueCharacters = 60
const texts = makeTexts(1_024)

/** Name of a register, 14 characters. */
export function filledKey(index: number): string {
  return `filled-${String(index).padStart(7, '0')}`
}

/** What the register holds: with its name about 100 bytes of JSON. */
export function filledRegister(index: number): FilledRegister {
  return { value: texts[index % texts.length]!, version: 1 }
}

/** Writes registers 0 to `keys` - 1 through a checkpoint that leads. Resolves when all of them are durable. */
export async function fillState(checkpoint: Checkpoint, keys: number): Promise<void> {
  const registers = checkpoint.map<FilledRegister>(filledMap)
  let next = 0
  const lane = async () => {
    while (next < keys) {
      const from = next
      next = Math.min(keys, from + keysPerTransaction)
      const to = next
      await checkpoint.transact(() => {
        for (let index = from; index < to; index++) registers.set(filledKey(index), filledRegister(index))
      })
    }
  }
  await Promise.all(Array.from({ length: transactionsUnderWay }, lane))
}

/** How many registers of the first `keys` are as {@link fillState} wrote them. To be called where maps may be read. */
export function countFilled(registers: CheckpointMap<FilledRegister>, keys: number): number {
  let right = 0
  for (let index = 0; index < keys; index++) {
    const found = registers.get(filledKey(index))
    const wanted = filledRegister(index)
    if (found?.value === wanted.value && found.version === wanted.version) right++
  }
  return right
}

function makeTexts(count: number): string[] {
  const random = seededRandom(1)
  const character = () => Math.floor(random() * 36).toString(36)
  return Array.from({ length: count }, () => Array.from({ length: valueCharacters }, character).join(''))
}
