/** Asks for a few of the registers that a state was filled with, through the same door as everyone. */
import type { Connection } from '../load/connection.ts'
import { type FilledRegister, filledKey, filledRegister } from './filled-state.ts'

const askedMax = 100

/** How many of up to 100 registers, spread evenly over the first `keys`, are not as they were written. */
export async function countWrong(connection: Pick<Connection, 'send'>, keys: number): Promise<number> {
  const asked = Math.min(keys, askedMax)
  let wrong = 0
  for (let turn = 0; turn < asked; turn++) {
    // The first and the last are among them.
    const index = asked === 1 ? 0 : Math.round((turn * (keys - 1)) / (asked - 1))
    const reply = await connection.send({ method: 'GET', path: `/registers/${filledKey(index)}`, body: null })
    const right = reply.type === 'response' && reply.status === 200 && isFilled(reply.text, index)
    if (!right) wrong++
  }
  return wrong
}

function isFilled(text: string, index: number): boolean {
  const { key, value, version } = JSON.parse(text) as FilledRegister & { key: string }
  const wanted = filledRegister(index)
  return key === filledKey(index) && value === wanted.value && version === wanted.version
}
