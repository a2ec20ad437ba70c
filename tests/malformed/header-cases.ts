/** Header lines: their form, their ends, and names that mean something to somebody (RFC 9112 5, RFC 9110 5, 7.6.1). */
import { head, hostLine, type MalformedCase, meaning, passed, passedLast, refused, shown } from './malformed-case.ts'

const controls = [0, 1, 2, 7, 8, 11, 12, 14, 27, 31, 127].map((code) => String.fromCharCode(code))

const controlCases = controls.flatMap((byte) => [
  refused(`${shown(byte)} in a value`, 'RFC 9110 5.5', head(`X: a${byte}b\r\n`)),
  refused(`${shown(byte)} in a name`, 'RFC 9110 5.1, 5.6.2', head(`X${byte}Y: a\r\n`)),
])

const nameBytes = [...' \t"(),/;<=>?@[\\]{}\x80\xa0\xe9\xff'].map((byte) =>
  refused(`${shown(byte)} in a name`, 'RFC 9110 5.6.2: a name is a token', head(`X${byte}Y: a\r\n`)),
)

const lines = [
  ': empty name\r\n',
  ' : blank name\r\n',
  ' X: y\r\n',
  '\tX: y\r\n',
  'X : y\r\n',
  'X\t: y\r\n',
  'X\r\n: y\r\n',
  'X\r\n',
  'X y\r\n',
  'X\n: y\r\n',
  'X: y\n',
  'X: y\r',
  'X: y\r\r\n',
  'X: y\n\r\n',
  'X: a\nY: b\r\n',
  'X: a\rY: b\r\n',
  'X: a\r\n b\r\n',
  'X: a\r\n\tb\r\n',
  'X: a\r\n \r\n',
  'X: \r\n a\r\n',
  'X:\r\n a\r\n',
  'X: a\n b\r\n',
  'X: a\r\n  Content-Length: 9\r\n',
  '\r X: y\r\n',
  '\n',
  'GET /smuggled HTTP/1.1\r\n',
  '{"a":1}\r\n',
].map((line) =>
  refused(`a header line: ${shown(line)}`, 'RFC 9112 2.2, 5.1, 5.2; CVE-2022-35256, CVE-2023-30589', head(line)),
)

const headEnds = [
  [`GET /x HTTP/1.1\n${hostLine}\r\n`, 'request line ends in LF'],
  [`GET /x HTTP/1.1\r${hostLine}\r\n`, 'request line ends in CR'],
  [`GET /x HTTP/1.1\r\nHost: a.example\n\r\n`, 'Host ends in LF'],
  [`GET /x HTTP/1.1\r\n${hostLine}\n`, 'head ends in LF'],
  [`GET /x HTTP/1.1\nHost: a.example\n\n`, 'LF everywhere'],
  [`GET /x HTTP/1.1\rHost: a.example\r\r`, 'CR everywhere'],
  [`GET /x HTTP/1.1\r\n\r\n`, 'no header at all'],
  [`GET /x HTTP/1.1\r\n ${hostLine}\r\n`, 'whitespace ahead of the first header'],
  [`GET /x HTTP/1.1\r\n\r\n${hostLine}\r\n`, 'an empty line ahead of the headers'],
  [`GET /x HTTP/1.1\r\n${hostLine}\r`, 'cut within the end'],
  [`GET /x HTTP/1.1\r\n${hostLine}`, 'cut ahead of the end'],
  [`GET /x HTTP/1.1\r\n${hostLine}\rX`, 'a byte for the last LF'],
].map(([bytes, title]) => refused(`head: ${title}`, 'RFC 9112 2.1, 2.2, 3.2', bytes!))

const soundValues = [
  ['X: a\tb\r\n', 'a\tb'],
  ['X: \xe9\xff\x80\r\n', '\xe9\xff\x80'],
  ['X:\r\n', ''],
  ['X:a\r\n', 'a'],
  ['X:\t a \t\r\n', 'a'],
  ['X: a  b\r\n', 'a  b'],
  ['X: a:b\r\n', 'a:b'],
  ['X: "a,b"\r\n', '"a,b"'],
].map(([line, value]) =>
  passed(`a value as it is: ${shown(line!)}`, 'RFC 9110 5.5', head(line!), meaning({ has: { x: value! } })),
)

const soundNames = ["!#$%&'*+-.^`|~9a", 'x'.repeat(200)].map((name) =>
  passed(
    `a name of any token bytes: ${shown(name)}`,
    'RFC 9110 5.6.2',
    head(`${name}: v\r\n`),
    meaning({ has: { [name.toLowerCase()]: 'v' } }),
  ),
)

/** What only this proxy may say to a backend, under names that some servers cannot tell apart. */
const ownNames = ['X-Heartline-Request', 'x-heartline-token', 'X-HEARTLINE-EPOCH'].map((name) =>
  passed(
    `${name} of a client goes no further`,
    'Header names with underscores: CVE-2023-27522, nginx underscores_in_headers',
    head(`${name}: forged\r\n`),
    meaning({ lacks: name === 'X-Heartline-Request' ? [] : [name.toLowerCase()] }),
  ),
)
const alikeNames = [
  'X_Heartline_Request: forged',
  'X-Heartline_Token: forged',
  'X_HEARTLINE-ANYTHING: forged',
  'Content_Length: 3',
  'Transfer_Encoding: chunked',
  'X_Forwarded_For: 6.6.6.6',
  'X_Forwarded_Proto: https',
  'X-Forwarded_Host: x',
  'HOST_: x',
].map((line) => {
  const name = line.split(':')[0]!.toLowerCase()
  const known = name !== 'host_'
  return known
    ? refused(
        `a name that only underscores tell from one that is ours: ${line}`,
        'CGI: RFC 3875 4.1.18',
        head(`${line}\r\n`),
      )
    : passed(
        `a name with an underscore: ${line}`,
        'RFC 9110 5.6.2',
        head(`${line}\r\n`),
        meaning({ has: { [name]: 'x' } }),
      )
})

/** RFC 9110 7.6.1: a connection option must not name a field meant for all recipients. */
const listed = [
  'host',
  'Host',
  'content-length',
  'Content-Length',
  'transfer-encoding',
  'authorization',
  'cookie',
  'content-type',
  'idempotency-key',
  'x-heartline-request',
  'x-heartline-token',
  'X-Forwarded-For',
  'x-forwarded-host',
  'via',
  'forwarded',
  'close, host',
  'keep-alive, content-length',
  'keep-alive,  cookie ,',
  'host,host',
].map((value) =>
  refused(
    `Connection: ${value}`,
    'RFC 9110 7.6.1; hop-by-hop abuse (Davison 2019), CVE-2022-31813',
    head(`Connection: ${value}\r\nCookie: a=b\r\nAuthorization: Basic x\r\n`),
  ),
)
const listedTwice = refused(
  'Connection in two lines, the second names Host',
  'RFC 9110 7.6.1, 5.3',
  head('Connection: keep-alive\r\nConnection: host\r\n'),
)
const hopByHop = [
  passed(
    'what Connection lists stays here',
    'RFC 9110 7.6.1',
    head('Connection: x-hop\r\nX-Hop: a\r\nX-End: b\r\n'),
    meaning({ lacks: ['x-hop'], has: { 'x-end': 'b' } }),
  ),
  passed(
    'what two Connection lines list stays here',
    'RFC 9110 7.6.1',
    head('Connection: keep-alive\r\nConnection: X-Hop\r\nX-Hop: a\r\n'),
    meaning({ lacks: ['x-hop'] }),
  ),
  passed('empty list members', 'RFC 9110 5.6.1', head('Connection: , keep-alive,,\r\n')),
  passedLast('Connection: close', 'RFC 9112 9.6', head('Connection: close\r\n')),
  passedLast('Connection: Close', 'RFC 9112 9.6', head('Connection: CLOSE\r\n')),
  ...['Keep-Alive: timeout=5', 'Proxy-Connection: keep-alive', 'TE: gzip', 'Proxy-Authorization: Basic x'].map((line) =>
    passed(
      `${line} stays here`,
      'RFC 9110 7.6.1',
      head(`${line}\r\n`),
      meaning({ lacks: [line.split(':')[0]!.toLowerCase()] }),
    ),
  ),
]

/** Fields of which there is one: which of two counts is anybody's guess. */
const singletons = ['Authorization: a', 'Content-Type: text/a', 'Idempotency-Key: a'].map((line) =>
  refused(
    `twice: ${line.split(':')[0]}`,
    'RFC 9110 5.3: only fields that are lists may be repeated',
    head(`${line}\r\nX: y\r\n${line.toLowerCase()}b\r\n`),
  ),
)
const lists = passed(
  'fields that are lists may be repeated',
  'RFC 9110 5.3',
  head('Accept: a\r\nX: y\r\nAccept: b\r\nCookie: a=b\r\nCookie: c=d\r\n'),
)

export const headerCases: MalformedCase[] = [
  ...controlCases,
  ...nameBytes,
  ...lines,
  ...headEnds,
  ...soundValues,
  ...soundNames,
  ...ownNames,
  ...alikeNames,
  ...listed,
  listedTwice,
  ...hopByHop,
  ...singletons,
  lists,
]
