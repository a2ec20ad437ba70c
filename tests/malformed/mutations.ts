/** Changes requests of the corpus, from a seed: the same seed, the same bytes. Pure. */
import { type Random, randomBelow } from '../../compose/load/random.ts'

/** Bytes and texts that mean something to some parser. */
const telling = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\n\n',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '=',
    '"',
    '\0',
    '\x0b',
    '\x7f',
    '\xff',
    '0',
    '9',
    '-',
    '+',
    '_',
  ],
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: x, chunked\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Host: b.example\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, host\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'X-Heartline-Request: 1\r\n',
  ' HTTP/1.1\r\n',
  'GET /canary HTTP/1.1\r\nHost: a.example\r\n\r\n',
  '0\r\n\r\n',
  '3\r\nabc\r\n',
  'ffffffff\r\n',
]
/** Of what is cut out, repeated or spliced in at a time. */
const pieceMax = 64

type Change = (bytes: string, random: Random, others: readonly string[]) => string

const changes: readonly Change[] = [
  // Flip a bit.
  (bytes, random) => {
    const at = randomBelow(random, bytes.length)
    const flipped = bytes.charCodeAt(at) ^ (1 << randomBelow(random, 8))
    return bytes.slice(0, at) + String.fromCharCode(flipped & 255) + bytes.slice(at + 1)
  },
  // Put another byte for one.
  (bytes, random) => {
    const at = randomBelow(random, bytes.length)
    return bytes.slice(0, at) + String.fromCharCode(randomBelow(random, 256)) + bytes.slice(at + 1)
  },
  // Put in something telling.
  (bytes, random) => {
    const at = randomBelow(random, bytes.length + 1)
    return bytes.slice(0, at) + pick(random, telling) + bytes.slice(at)
  },
  // The same at the start of a line, where fields stand.
  (bytes, random) => {
    const lines = bytes.split('\r\n')
    lines.splice(randomBelow(random, lines.length) + 1, 0, pick(random, telling).replace(/\r\n$/, ''))
    return lines.join('\r\n')
  },
  // Cut something out.
  (bytes, random) => {
    const at = randomBelow(random, bytes.length)
    return bytes.slice(0, at) + bytes.slice(at + 1 + randomBelow(random, pieceMax))
  },
  // Say something twice.
  (bytes, random) => {
    const at = randomBelow(random, bytes.length)
    const end = at + 1 + randomBelow(random, pieceMax)
    return bytes.slice(0, end) + bytes.slice(at, end) + bytes.slice(end)
  },
  // Go on with a part of another request.
  (bytes, random, others) => {
    const other = pick(random, others)
    return bytes.slice(0, randomBelow(random, bytes.length + 1)) + other.slice(randomBelow(random, other.length + 1))
  },
  // End early.
  (bytes, random) => bytes.slice(0, randomBelow(random, bytes.length + 1)),
  // Change the order of two lines.
  (bytes, random) => {
    const lines = bytes.split('\r\n')
    const [left, right] = [randomBelow(random, lines.length), randomBelow(random, lines.length)]
    ;[lines[left], lines[right]] = [lines[right]!, lines[left]!]
    return lines.join('\r\n')
  },
  // Write a letter in the other size.
  (bytes, random) => {
    const at = randomBelow(random, bytes.length)
    const letter = bytes.charAt(at)
    const other = letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
    return bytes.slice(0, at) + (other.length === 1 ? other : letter) + bytes.slice(at + 1)
  },
]

/** One of `originals`, changed once or a few times. */
export function mutant(originals: readonly string[], random: Random): string {
  let bytes = pick(random, originals)
  const times = 1 + randomBelow(random, 3)
  for (let time = 0; time < times && bytes.length > 0; time += 1)
    bytes = pick(random, changes)(bytes, random, originals)
  return bytes
}

/** The parts in which bytes are sent: most often one, else cut anywhere. */
export function pieces(bytes: string, random: Random): string[] {
  if (random() < 0.7 || bytes.length < 2) return [bytes]
  const cuts = Array.from({ length: 1 + randomBelow(random, 3) }, () => randomBelow(random, bytes.length))
  cuts.sort((a, b) => a - b)
  return [0, ...cuts].map((cut, index) => bytes.slice(cut, cuts[index]))
}

function pick<Thing>(random: Random, from: readonly Thing[]): Thing {
  return from[randomBelow(random, from.length)]!
}
