/** Backends that are named by hand, as text: `[NAME=]URL[*WEIGHT]`. Pure. */
import type { Registration } from './membership.ts'

const pattern =
  /^(?:([A-Za-z0-9._:-]{1,128})=)?(https?:\/\/[^\s*]+?|[A-Za-z0-9.-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5})(?:\*(\d+(?:\.\d+)?))?$/
const weightMax = 1_000_000

/** The backend that `text` names; undefined if it names none. Without a name it is called by host and port. */
export function parseRegistration(text: string): Registration | undefined {
  const [, name, place, weightText = '1'] = pattern.exec(text) ?? []
  if (place === undefined) return undefined
  const url = URL.parse(place.includes('://') ? place : `http://${place}`)
  const weight = Number(weightText)
  if (!url || url.username || url.search || url.hash || weight <= 0 || weight > weightMax) return undefined
  return {
    name: name ?? `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`,
    url: url.href,
    weight,
  }
}
