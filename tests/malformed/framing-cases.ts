/** Where a body ends: Content-Length and Transfer-Encoding (RFC 9112 6). */
import { head, hostLine, type MalformedCase, meaning, passed, passedLast, refused, shown } from './malformed-case.ts'

const smuggled = `GET /smuggled HTTP/1.1\r\n${hostLine}\r\n`
const chunked = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`
const post = (lines: string, body: string, version = 'HTTP/1.1') => `${head(lines, 'POST', '/x', version)}${body}`

const both: MalformedCase[] = [
  ['Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG', 'CL.TE: the length covers the terminator'],
  ['Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', '0\r\n\r\nG', 'TE.CL: the other order'],
  [
    'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
    `5c\r\n${smuggled}\r\n0\r\n\r\n`,
    'TE.CL: a request in a chunk',
  ],
  ['Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', chunked('ab'), 'CL.0 with chunks'],
  ['content-length:0\r\ntransfer-encoding:chunked\r\n', `0\r\n\r\n${smuggled}`, 'CL.0, small letters, no spaces'],
  ['Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 3\r\n', chunked('abc'), 'apart from each other'],
  ['Transfer-Encoding: chunked\r\nContent-Length: 3\r\nContent-Length: 3\r\n', chunked('abc'), 'with the length twice'],
  ['Transfer-Encoding:\r\nContent-Length: 3\r\n', 'abc', 'an empty Transfer-Encoding'],
  ['Transfer-Encoding: identity\r\nContent-Length: 3\r\n', 'abc', 'identity'],
  ['Content-Length: 3\r\nTransfer-Encoding: identity\r\n', 'abc', 'identity, the other order'],
  ['Content-Length: 3\r\nTransfer-Encoding: x\r\n', 'abc', 'an unknown coding'],
].map(([lines, body, title]) =>
  refused(`both lengths: ${title}`, 'RFC 9112 6.1, 11.2; HTTP Desync Attacks (Kettle 2019)', post(lines!, body!)),
)

/** Each was taken for `chunked` by one server and not by another (Kettle 2019; CVE-2022-32213, -32214, -32215). */
const codings = [
  'xchunked',
  'chunkedx',
  'chunked, identity',
  'identity, chunked',
  'chunked, chunked',
  'chunked,',
  ',chunked',
  'chunked ,',
  'gzip, chunked',
  'chunked, gzip',
  'gzip',
  'deflate, chunked',
  'identity',
  'cow',
  'chun ked',
  'chunked chunked',
  'chunked;q=1',
  'chunked; foo=bar',
  'chunked, cow',
  'cow, chunked',
  '"chunked"',
  "'chunked'",
  'chunked\x0b',
  '\x0bchunked',
  '\x0cchunked',
  'chunked\x0c',
  '\x00chunked',
  'chunked\x00',
  'chunked\x7f',
  '\xa0chunked',
  'chunked\xa0',
  '\xffchunked',
  'chun\xb5ked',
  '\x85chunked',
  '\tchunked\x1f',
  'trailers',
  'Chunked, identity',
  'none',
  'nchunked',
  'chunk',
  'chunked\t',
  '',
]
const codingCases = codings.map((coding) =>
  refused(
    `a coding that is not chunked alone: ${shown(coding)}`,
    'RFC 9112 6.1, 7; CVE-2022-32215',
    post(`Transfer-Encoding: ${coding}\r\n`, chunked('abc')),
    400,
    501,
  ),
)

const chunkedSpellings = [
  'chunked',
  'Chunked',
  'CHUNKED',
  'cHuNkEd',
  ' chunked',
  '\tchunked',
  'chunked ',
  '  chunked  ',
]
const spellingCases = chunkedSpellings.map((coding) =>
  passed(
    `chunked written as ${shown(coding)}`,
    'RFC 9112 7: codings are case-insensitive; RFC 9110 5.5: whitespace around a value is no part of it',
    post(`Transfer-Encoding:${coding}\r\n`, chunked('abc')),
    meaning({ method: 'POST', body: 'abc', lacks: ['trailer'] }),
  ),
)

const encodingLines = [
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding\t: chunked\r\n',
  ' Transfer-Encoding: chunked\r\n',
  '\tTransfer-Encoding: chunked\r\n',
  'X: y\r\n Transfer-Encoding: chunked\r\n',
  'X: y\n Transfer-Encoding: chunked\r\n',
  'X: y\nTransfer-Encoding: chunked\r\n',
  'X: y\rTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Transfer-Encoding:\n chunked\r\n',
  'Transfer-Encoding: chunked\n',
  'Transfer-Encoding\r\n: chunked\r\n',
  'Transfer-Encoding\x00: chunked\r\n',
  'Transfer-Encoding\x0b: chunked\r\n',
  'Transfer\x00-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
  'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n',
  'Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n',
  'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n',
  'Transfer_Encoding: chunked\r\nTransfer-Encoding: chunked\r\n',
].map((lines) =>
  refused(
    `a Transfer-Encoding line: ${shown(lines)}`,
    'RFC 9112 5.1, 5.2, 6.1; CVE-2019-16276, CVE-2020-8287, CVE-2022-32213',
    post(lines, chunked('abc')),
    400,
    501,
  ),
)

const encodingIn10 = ['chunked', 'identity', 'gzip, chunked'].flatMap((coding) =>
  ['', 'Connection: keep-alive\r\n'].map((more) =>
    refused(
      `Transfer-Encoding: ${coding} in HTTP/1.0${more && ' with keep-alive'}`,
      'RFC 9112 6.1: a 1.0 message with Transfer-Encoding has faulty framing',
      post(`${more}Transfer-Encoding: ${coding}\r\n`, chunked('abc'), 'HTTP/1.0'),
      400,
      501,
    ),
  ),
)

/** None is digits alone, within what can be counted (RFC 9112 6.3 rule 5; RFC 9110 8.6). */
const lengths = [
  '',
  '+3',
  '-3',
  '-0',
  '0x3',
  '0X3',
  '3.0',
  '3e0',
  '3,3',
  '3, 3',
  '3,4',
  '3, 0',
  '3 3',
  '3;',
  '3;q=1',
  '"3"',
  '3a',
  'a3',
  'three',
  '\xd9\xa3',
  '3\x00',
  '\x003',
  '3\x0b',
  '\x0b3',
  '3\xa0',
  '\xa03',
  '1_0',
  '3L',
  'NaN',
  'Infinity',
  '0000000000000000000000000003',
  '18446744073709551616',
  '18446744073709551619',
  '36893488147419103235',
  '99999999999999999999999999',
  `1${'0'.repeat(100)}`,
  '0b11',
  '0o3',
  '3\t3',
  '3:',
  ',3',
  '3,',
].map((length) =>
  refused(
    `a Content-Length that is no number: ${shown(length)}`,
    'RFC 9110 8.6, RFC 9112 6.3; CVE-2018-7159',
    post(`Content-Length: ${length}\r\n`, 'abc'),
    400,
    413,
  ),
)

const lengthLines = [
  'Content-Length: 3\r\nContent-Length: 3\r\n',
  'Content-Length: 3\r\ncontent-length: 3\r\n',
  'Content-Length: 3\r\nContent-Length: 4\r\n',
  'Content-Length: 0\r\nContent-Length: 3\r\n',
  'Content-Length: 3\r\nContent-Length: 0\r\n',
  'Content-Length: 3\r\nX: y\r\nContent-Length: 30\r\n',
  'Content-Length : 3\r\n',
  'Content-Length\t: 3\r\n',
  ' Content-Length: 3\r\n',
  'Content-Length:\r\n 3\r\n',
  'Content-Length: 3\r\n 0\r\n',
  'Content-Length: 3\n',
  'X: y\nContent-Length: 3\r\n',
  'X: y\rContent-Length: 3\r\n',
  'Content-Length\x00: 3\r\n',
  'Content-Length\x0b: 3\r\n',
  'Content-Length: 3\r\nContent_Length: 30\r\n',
].map((lines) => refused(`a Content-Length line: ${shown(lines)}`, 'RFC 9112 5.1, 5.2, 6.3', post(lines, 'abc')))

const soundLengths: MalformedCase[] = [
  ...['3', '03', '0000000000000003', ' 3', '3 ', '\t3\t'].map((length) =>
    passed(
      `a Content-Length written as ${shown(length)}`,
      'RFC 9110 8.6: 1*DIGIT; 5.5',
      post(`Content-Length:${length}\r\n`, 'abc'),
      meaning({ method: 'POST', body: 'abc' }),
    ),
  ),
  passed('POST with no length has no body', 'RFC 9112 6.3', post('', ''), meaning({ method: 'POST' })),
  passed('a length of 0', 'RFC 9112 6.3', post('Content-Length: 0\r\n', ''), meaning({ method: 'POST' })),
  ...['GET', 'DELETE', 'OPTIONS', 'HEAD', 'QUERY', 'PROPFIND'].map((method) =>
    passed(
      `${method} with a body keeps it, and what follows is no request of its own twice`,
      'RFC 9110 9.3.1; 0.CL (Kettle 2025)',
      `${head(`Content-Length: ${smuggled.length}\r\n`, method)}${smuggled}`,
      meaning({ method, body: smuggled }),
    ),
  ),
  passed(
    'GET with chunks',
    'RFC 9112 6.3',
    `${head('Transfer-Encoding: chunked\r\n')}${chunked(smuggled)}`,
    meaning({ body: smuggled }),
  ),
  passedLast(
    'a body in HTTP/1.0',
    'RFC 9112 6.3',
    post('Content-Length: 3\r\n', 'abc', 'HTTP/1.0'),
    meaning({ method: 'POST', body: 'abc' }),
  ),
  refused('a body that ends early', 'RFC 9112 8: incomplete', post('Content-Length: 300\r\n', 'abc')),
]

export const framingCases: MalformedCase[] = [
  ...both,
  ...codingCases,
  ...spellingCases,
  ...encodingLines,
  ...encodingIn10,
  ...lengths,
  ...lengthLines,
  ...soundLengths,
]
