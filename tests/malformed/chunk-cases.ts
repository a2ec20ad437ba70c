/** Chunks, their sizes, extensions, ends and trailers (RFC 9112 7.1). */
import { head, hostLine, type MalformedCase, meaning, passed, passedLast, refused, shown } from './malformed-case.ts'

const smuggled = `GET /smuggled HTTP/1.1\r\n${hostLine}\r\n`
const post = (body: string, lines = '') => `${head(`${lines}Transfer-Encoding: chunked\r\n`, 'POST')}${body}`
const end = '0\r\n\r\n'

const sizes = [
  '',
  ' ',
  '-3',
  '+3',
  '0x3',
  '3h',
  'g',
  '3.0',
  '3,3',
  ' 3',
  '\t3',
  '3\t',
  '3 \t',
  '\x003',
  '3\x00',
  '3\x0b',
  '_3',
  '3_',
  '\xa03',
  '"3"',
  'FFFFFFFFFFFFFFFFF',
  '10000000000000003',
  '100000000000000000000000000000003',
  'ffffffffffffffffffff',
  '3 3',
  '\xd9\xa3',
].map((size) =>
  refused(
    `a chunk size of ${shown(size)}`,
    'RFC 9112 7.1: 1*HEXDIG, overflow to be guarded; CVE-2025-22871, CVE-2018-12121',
    post(`${size}\r\nabc\r\n${end}`),
  ),
)

const soundSizes = ['3', '03', '0003', '00000000000000000000000000000003'].map((size) =>
  passed(
    `a chunk size of ${size}`,
    'RFC 9112 7.1',
    post(`${size}\r\nabc\r\n${end}`),
    meaning({ method: 'POST', body: 'abc' }),
  ),
)

const ends: MalformedCase[] = [
  ['3\nabc\r\n0\r\n\r\n', 'size line ends in LF'],
  ['3\rabc\r\n0\r\n\r\n', 'size line ends in CR'],
  ['3\r\nabc\n0\r\n\r\n', 'data ends in LF'],
  ['3\r\nabc\r0\r\n\r\n', 'data ends in CR'],
  ['3\r\nabc0\r\n\r\n', 'data ends in nothing'],
  ['3\r\nabcd\r\n0\r\n\r\n', 'data longer than its size'],
  ['4\r\nabc\r\n0\r\n\r\n', 'data shorter than its size'],
  ['3\r\nabcXX0\r\n\r\n', 'data ends in two other bytes (TERM.EXT, Kallenberg 2025)'],
  ['3\r\nabc\r\n\r\n0\r\n\r\n', 'an empty line between chunks'],
  ['3\r\nabc\r\n0\n\r\n', 'last size ends in LF'],
  ['3\r\nabc\r\n0\r\n\n', 'last line ends in LF'],
  ['3\r\nabc\r\n0\r\r\n', 'last size ends in CR'],
  ['3\r\nabc\r\n0\n\n', 'the end in LF only'],
  ['3\r\nabc\r\n0\r\n\rX', 'the end in CR only'],
  ['3\r\n\nabc\r\n0\r\n\r\n', 'LF ahead of the data'],
  ['\r\n3\r\nabc\r\n0\r\n\r\n', 'an empty line ahead of the first size'],
  ['3\r\nabc\r\n', 'no last chunk'],
  ['3\r\nab', 'cut within the data'],
  ['', 'nothing'],
  ['3', 'cut within the size'],
  ['3\r\nabc\r\n0', 'cut within the last size'],
  ['3\r\nabc\r\n0\r\n', 'no end of the trailers'],
  [`3\r\nabc\r\n0\r\nX${smuggled}`, 'a request for trailers'],
].map(([body, title]) =>
  refused(`chunks: ${title}`, 'RFC 9112 7.1, 2.2; TERM.EXT and EXT.TERM; CVE-2022-32213', post(body!)),
)

const badExtensions = [
  ';\n',
  ';a\nb',
  `;a=b\n${smuggled}`,
  ';a=b\r',
  ';a=\rb',
  ';\x00',
  ';a=\x00',
  ';a="b\nc"',
  ';a="b\rc"',
  ';a="b',
  ';\x0b',
  ';a=\x7f',
  ';a\x01=b',
  ' a',
  'x;a',
].map((extension) =>
  refused(
    `a chunk extension: ${shown(extension)}`,
    'RFC 9112 7.1.1; TE.TE by extensions: CVE-2025-58056, CVE-2025-55315, CVE-2025-49826',
    post(`3${extension}\r\nabc\r\n${end}`),
  ),
)

const soundExtensions = [';a', ';a=b', ';a="b"', ';a="b c;d"', ';a;b=c', ';a="\\""'].map((extension) =>
  passed(
    `a chunk extension is left behind: ${shown(extension)}`,
    'RFC 9112 7.1.1: unrecognised extensions are ignored',
    post(`3${extension}\r\nabc\r\n0${extension}\r\n\r\n`),
    meaning({ method: 'POST', body: 'abc' }),
  ),
)

const badTrailers = [
  ' X: y\r\n',
  'X : y\r\n',
  'X: y\n',
  'X: y\r\n z\r\n',
  'X\r\n',
  ': y\r\n',
  'X: \x00\r\n',
  'X\x00: y\r\n',
  'X y: z\r\n',
  'X: y\rZ: z\r\n',
].map((trailer) =>
  refused(`a trailer: ${shown(trailer)}`, 'RFC 9112 7.1.2, 5', post(`3\r\nabc\r\n0\r\n${trailer}\r\n`)),
)

/** RFC 9110 6.5.1: framing, routing, authentication and content fields mean nothing in trailers, or harm. */
const forbiddenTrailers = [
  'Host: evil.example',
  'X-Heartline-Request: 1',
  'X-Forwarded-For: 6.6.6.6',
  'Via: 1.1 x',
  'Authorization: Basic x',
  'Cookie: a=b',
  'Content-Type: text/html',
  'Content-Encoding: gzip',
  'X-Heartline-Token: forged',
  'Idempotency-Key: other',
  'Expect: 100-continue',
  'X_Heartline_Token: forged',
  'Content_Length: 30',
]
/** Of these, what the balancer says itself. */
const saidAnyway = ['host', 'x-heartline-request', 'x-forwarded-for', 'via']
const forbiddenTrailerCases = forbiddenTrailers.map((trailer) => {
  const name = trailer.slice(0, trailer.indexOf(':')).toLowerCase()
  return passed(
    `a trailer that no trailer may be goes no further: ${trailer}`,
    'RFC 9110 6.5.1',
    post(`3\r\nabc\r\n0\r\n${trailer}\r\n\r\n`, 'Trailer: x\r\n'),
    meaning({ method: 'POST', body: 'abc', lacks: saidAnyway.includes(name) ? [] : [name] }),
  )
})
const framingTrailers = ['Transfer-Encoding: chunked', 'Content-Length: 30', 'Content-Length: x'].map((trailer) =>
  refused(
    `a trailer that frames: ${trailer}`,
    'RFC 9110 6.5.1, RFC 9112 6.1',
    post(`3\r\nabc\r\n0\r\n${trailer}\r\n\r\n`),
  ),
)
const closingTrailer = passedLast(
  'a trailer that closes closes',
  'RFC 9110 6.5.1',
  post('3\r\nabc\r\n0\r\nConnection: close\r\n\r\n'),
  meaning({ method: 'POST', body: 'abc' }),
)

const manyChunks: MalformedCase[] = [
  passed(
    '500 chunks of one byte',
    'RFC 9112 7.1',
    post(`${'1\r\na\r\n'.repeat(500)}${end}`),
    meaning({ method: 'POST', body: 'a'.repeat(500) }),
  ),
  passed(
    'a request within a chunk',
    'HTTP Desync Attacks (Kettle 2019)',
    post(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n${end}`),
    meaning({ method: 'POST', body: smuggled }),
  ),
  refused('chunk extensions without end', 'CVE-2024-22019', post(`3;${'a'.repeat(40_000)}\r\nabc\r\n${end}`), 413),
  refused(
    'trailers without end',
    'RFC 9112 7.1.2; CVE-2018-12121',
    post(`3\r\nabc\r\n0\r\n${'X: y\r\n'.repeat(20_000)}\r\n`),
    400,
    431,
  ),
]

export const chunkCases: MalformedCase[] = [
  ...sizes,
  ...soundSizes,
  ...ends,
  ...badExtensions,
  ...soundExtensions,
  ...badTrailers,
  ...forbiddenTrailerCases,
  ...framingTrailers,
  closingTrailer,
  ...manyChunks,
]
