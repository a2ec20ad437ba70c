import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { makePair, writePair } from './test-certificates.ts'
import { readCertificates, readTlsPair, type TlsPair, watchTlsPair } from './tls-pair.ts'

const rejects = (files: { certPath: string; keyPath: string }, code: string, told: RegExp) =>
  assert.throws(
    () => readTlsPair(files),
    (error: Error & { code: string }) =>
      error.code === code && told.test(error.message) && !error.message.includes('\n'),
  )

describe('a certificate and its key', () => {
  it('are read when they belong together', (t) => {
    const { tlsCert, tlsKey, pair } = writePair(t, makePair('shop'))
    const read = readTlsPair({ certPath: tlsCert, keyPath: tlsKey })
    assert.deepEqual([read.cert, read.key, read.subject], [pair.cert, pair.key, 'CN=shop'])
    assert.equal(readCertificates(tlsCert, '--backend-ca'), pair.cert)
  })

  it('are refused in one line that names the file when they are missing, broken or strangers', (t) => {
    const { tlsCert, tlsKey, replace, folder } = writePair(t)
    const files = { certPath: tlsCert, keyPath: tlsKey }
    rejects({ ...files, certPath: `${folder}/none` }, 'TLS_UNREADABLE', /none.*--tls-cert/)
    rejects({ ...files, keyPath: folder }, 'TLS_UNREADABLE', /--tls-key/)
    replace({ key: makePair().key })
    rejects(files, 'TLS_MISMATCH', /key\.pem/)
    replace({ key: 'no key' })
    rejects(files, 'TLS_INVALID', /key\.pem.*--tls-key/)
    replace({ cert: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' })
    rejects(files, 'TLS_INVALID', /cert\.pem.*--tls-cert/)
    assert.throws(() => readCertificates(tlsKey, '--backend-ca'), { code: 'TLS_INVALID' })
  })
})

it('a new pair is handed on once it is whole, and a broken one leaves the old one', async (t) => {
  const { tlsCert, tlsKey, replace } = writePair(t)
  const files = { certPath: tlsCert, keyPath: tlsKey }
  const first = readTlsPair(files)
  const lines: { level: number; event: string; kept?: string; from?: string; to?: string }[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const used: TlsPair[] = []
  const end = watchTlsPair({ files, pair: first, use: (pair) => used.push(pair), log, lookIntervalMs: 5 })
  t.after(end)
  const logged = async (count: number) => {
    while (lines.length < count) await new Promise((resolve) => setTimeout(resolve, 5))
  }
  replace({ cert: 'broken' })
  await logged(1)
  assert.deepEqual([lines[0]!.level, lines[0]!.kept, used.length], [50, first.fingerprint, 0])
  const next = makePair()
  replace(next)
  while (used.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(used[0]!.cert, next.cert)
  assert.deepEqual([lines.at(-1)!.from, lines.at(-1)!.to], [first.fingerprint, used[0]!.fingerprint])
})
