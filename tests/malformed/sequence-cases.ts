/** More than one request on a connection, changes of protocol, expectations, and what is too much of anything. */
import {
  head,
  hostLine,
  type MalformedCase,
  meaning,
  passed,
  passedLast,
  refused,
  refusedAfter,
  shown,
} from './malformed-case.ts'

const smuggled = `GET /smuggled HTTP/1.1\r\n${hostLine}\r\n`
const good = head('', 'GET', '/good')
const goodMeaning = meaning({ target: '/good' })

const faults = [
  'nonsense\r\n\r\n',
  'GET /x HTTP/1.1\r\n\r\n',
  `GET /x HTTP/1.1\r\n${hostLine}${hostLine}\r\n`,
  head('X : y\r\n'),
  head('X: a\r\n b\r\n'),
  head('Transfer-Encoding: cow, chunked\r\n', 'POST'),
  `${head('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', 'POST')}0\r\n\r\n`,
  `${head('Transfer-Encoding: chunked\r\n', 'POST')}zz\r\n`,
  head('Content-Length: -1\r\n', 'POST'),
]
const pipelined = faults.flatMap((fault) => [
  refused(
    `a good request after ${shown(fault)}`,
    'RFC 9112 9.3.2: nothing after a fault is trusted',
    fault + smuggled,
    400,
    501,
  ),
  refusedAfter(
    [goodMeaning],
    `a good request is answered first, then ${shown(fault)} is refused`,
    'RFC 9112 9.3.2: answers keep their order',
    good + fault,
  ),
])
const inOrder: MalformedCase[] = [
  passed('three at once', 'RFC 9112 9.3.2', good + head('') + good, goodMeaning, meaning(), goodMeaning),
  passed('an empty line between two', 'RFC 9112 2.2', `${good}\r\n${head('')}`, goodMeaning, meaning()),
  passedLast('nothing is read after Connection: close', 'RFC 9112 9.6', head('Connection: close\r\n') + smuggled),
  passed(
    'a body ends where its length says',
    'RFC 9112 6.3',
    `${head('Content-Length: 3\r\n', 'POST')}abc${good}`,
    meaning({ method: 'POST', body: 'abc' }),
    goodMeaning,
  ),
  refusedAfter(
    [meaning({ method: 'POST', body: 'abc' })],
    'a body longer than its length',
    'RFC 9112 6.3; CL.0',
    `${head('Content-Length: 3\r\n', 'POST')}abcXYZ ${good}`,
  ),
]

const upgrades = ['h2c', 'HTTP/2.0', 'TLS/1.0', 'foo', 'websocket2', 'h2c, websocket2'].map((name) =>
  passedLast(
    `Upgrade: ${name} is an offer that is passed over, and the connection ends with it`,
    'RFC 9110 7.8; h2c smuggling (Miller 2020); Node drops what follows in the same piece and reads on in its midst',
    head(`Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${name}\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`),
    meaning({ lacks: ['upgrade', 'http2-settings'] }),
  ),
)
const socket =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
const sockets: MalformedCase[] = [
  passedLast(
    'WebSocket with a length is a request with a body',
    'RFC 6455 4.1, RFC 9110 7.8',
    `${head(`${socket}Content-Length: ${smuggled.length}\r\n`)}${smuggled}`,
    meaning({ body: smuggled, lacks: ['upgrade'] }),
  ),
  passedLast(
    'WebSocket with chunks is a request with a body',
    'RFC 6455 4.1',
    `${head(`${socket}Transfer-Encoding: chunked\r\n`)}3\r\nabc\r\n0\r\n\r\n`,
    meaning({ body: 'abc', lacks: ['upgrade'] }),
  ),
  refused('WebSocket with two Hosts', 'RFC 9112 3.2', head(socket + hostLine)),
  refused('WebSocket with no Host', 'RFC 9112 3.2', `GET /x HTTP/1.1\r\n${socket}\r\n`),
  refused('WebSocket that lists Host', 'RFC 9110 7.6.1', head(`${socket}Connection: host\r\n`)),
  passedLast(
    'WebSocket in HTTP/1.0 is no upgrade',
    'RFC 9110 7.8',
    head(socket, 'GET', '/x', 'HTTP/1.0'),
    meaning({ lacks: ['upgrade'] }),
  ),
  passedLast(
    'WebSocket among other offers is passed over',
    'RFC 9110 7.8',
    head(`${socket}Upgrade: h2c\r\n`),
    meaning({ lacks: ['upgrade'] }),
  ),
  refused('WebSocket with * for a target', 'RFC 9112 3.2.4', head(socket, 'GET', '*')),
  refused('WebSocket with a coding', 'RFC 9112 6.1', head(`${socket}Transfer-Encoding: cow\r\n`), 400, 501),
  passedLast(
    'a WebSocket by POST is none',
    'RFC 6455 4.1',
    head(`${socket}Content-Length: 0\r\n`, 'POST'),
    meaning({ method: 'POST', lacks: ['upgrade'] }),
  ),
  passedLast(
    'Upgrade that Connection does not list',
    'RFC 9110 7.8',
    head('Upgrade: websocket\r\n'),
    meaning({ lacks: ['upgrade'] }),
  ),
  passedLast(
    'a WebSocket that the backend does not take: what follows is no request',
    'WebSocket smuggling (Khan, Gasimov 2019): bytes after a failed upgrade',
    head(socket) + smuggled,
    meaning({ has: { upgrade: 'websocket' } }),
  ),
]
const preface = [
  refused('the preface of HTTP/2', 'RFC 9113 3.4', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 505),
  refused(
    'the preface after a request',
    'RFC 9113 3.4',
    'PRI * HTTP/2.0\r\nHost: a.example\r\n\r\nSM\r\n\r\n',
    400,
    505,
  ),
]

const expectations: MalformedCase[] = [
  ...['100-continue', '100-Continue', '100-CONTINUE'].map((value) =>
    passed(
      `Expect: ${value} is answered here`,
      'RFC 9110 10.1.1',
      `${head(`Expect: ${value}\r\nContent-Length: 3\r\n`, 'POST')}abc`,
      meaning({ method: 'POST', body: 'abc', lacks: ['expect'] }),
    ),
  ),
  ...['200-ok', '100-continue, x', 'x', '100', 'y 100-continue'].map((value) =>
    refused(
      `Expect: ${value}`,
      'RFC 9110 10.1.1: an expectation that is not known may get 417; 0.CL by Expect (Kettle 2025)',
      `${head(`Expect: ${value}\r\nContent-Length: 3\r\n`, 'POST')}abc`,
      417,
      400,
    ),
  ),
  refused(
    'Expect with both lengths',
    'RFC 9112 6.1',
    `${head('Expect: 100-continue\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n', 'POST')}abc`,
  ),
  refused(
    'Expect twice',
    'RFC 9110 10.1.1',
    `${head('Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n', 'POST')}abc`,
    400,
    417,
  ),
  passed('Expect with no body', 'RFC 9110 10.1.1', head('Expect: 100-continue\r\n'), meaning({ lacks: ['expect'] })),
]

const sizes: MalformedCase[] = [
  refused('a header of 17 KiB', 'RFC 9110 5.4: 431', head(`X: ${'a'.repeat(17_000)}\r\n`), 431),
  refused('a header of 1 MiB', 'RFC 6585 5', head(`X: ${'a'.repeat(1 << 20)}\r\n`), 431),
  refused('a name of 20,000 bytes', 'RFC 6585 5', head(`${'a'.repeat(20_000)}: b\r\n`), 431),
  refused('101 headers', 'RFC 6585 5; Node drops what passes its own count', head('X: y\r\n'.repeat(100)), 431),
  refused('2,500 headers, the last of them Host', 'RFC 6585 5', head(`${'a:\r\n'.repeat(2_500)}${hostLine}`), 400, 431),
  refused('40,000 headers', 'RFC 6585 5', head('a:\r\n'.repeat(40_000)), 431),
  refused('a path of 8,193 bytes', 'RFC 9110 4.1, 15.5.15', head('', 'GET', `/${'a'.repeat(8_192)}`), 414),
  refused('a path of 15,000 bytes', 'RFC 9110 15.5.15', head('', 'GET', `/${'a'.repeat(15_000)}`), 414),
  refused('a path of 100,000 bytes', 'RFC 9110 15.5.15', head('', 'GET', `/${'a'.repeat(100_000)}`), 414, 431),
  refused(
    'an absolute form of 8,193 bytes',
    'RFC 9110 15.5.15',
    head('', 'GET', `http://a.example/${'a'.repeat(8_192)}`),
    414,
  ),
  refused('a Host of 300 bytes', 'RFC 1035 2.3.4', `GET /x HTTP/1.1\r\nHost: ${'a'.repeat(300)}\r\n\r\n`),
  refused('a request line without end', 'RFC 9112 3', `GET /${'a'.repeat(200_000)}`, 414, 431, 400),
  refused('a method without end', 'RFC 9112 3', 'A'.repeat(100_000)),
  passed('99 headers', 'RFC 6585 5', head('X: y\r\n'.repeat(98))),
  passed(
    'a path of 8,192 bytes',
    'RFC 9110 4.1',
    head('', 'GET', `/${'a'.repeat(8_191)}`),
    meaning({ target: `/${'a'.repeat(8_191)}` }),
  ),
]

export const sequenceCases: MalformedCase[] = [
  ...pipelined,
  ...inOrder,
  ...upgrades,
  ...sockets,
  ...preface,
  ...expectations,
  ...sizes,
]
