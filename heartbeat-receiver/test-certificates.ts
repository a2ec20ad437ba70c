/** For tests: self-signed certificates, made when they are needed, so that no key lies in the repository. X.509 in DER, RFC 5280. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** One value: tag, length, content. */
function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}

const [boolean, integer, bits, bytes, object, text, time] = [1, 2, 3, 4, 6, 12, 24]
const [sequence, set, version, extensions] = [0x30, 0x31, 0xa0, 0xa3]
const [dnsName, ipAddress] = [0x82, 0x87]
// Encoded names of what is in a certificate.
const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex')
const commonName = Buffer.from('550403', 'hex')
const basicConstraints = Buffer.from('551d13', 'hex')
const subjectAltName = Buffer.from('551d11', 'hex')

export interface TestPair {
  cert: string
  key: string
}

/** A certificate for `localhost` and 127.0.0.1, and its key. @param name shown in the certificate */
export function makePair(name = 'localhost'): TestPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = der(sequence!, der(object!, ecdsaWithSha256))
  const named = der(sequence!, der(set!, der(sequence!, der(object!, commonName), der(text!, Buffer.from(name)))))
  const years = ['20200101000000Z', '21200101000000Z'].map((when) => der(time!, Buffer.from(when)))
  const names = der(sequence!, der(dnsName!, Buffer.from('localhost')), der(ipAddress!, Buffer.from([127, 0, 0, 1])))
  const authority = der(sequence!, der(boolean!, Buffer.from([255])))
  const extended = [
    der(sequence!, der(object!, subjectAltName), der(bytes!, names)),
    der(sequence!, der(object!, basicConstraints), der(boolean!, Buffer.from([255])), der(bytes!, authority)),
  ]
  const said = der(
    sequence!,
    der(version!, der(integer!, Buffer.from([2]))),
    der(integer!, Buffer.from([1, ...crypto.getRandomValues(new Uint8Array(8))])),
    algorithm,
    named,
    der(sequence!, ...years),
    named,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(extensions!, der(sequence!, ...extended)),
  )
  const signature = der(bits!, Buffer.from([0]), sign('sha256', said, privateKey))
  const base64 = der(sequence!, said, algorithm, signature).toString('base64').replaceAll(/.{64}/g, '$&\n')
  const cert = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string }
}

export interface TestFiles {
  folder: string
  tlsCert: string
  tlsKey: string
  pair: TestPair
  /** Puts another pair in their place, or a broken one. */
  replace(pair: Partial<TestPair>): void
}

/** A pair in files, which go with the test. */
export function writePair(t: TestContext, pair = makePair()): TestFiles {
  const folder = mkdtempSync(join(tmpdir(), 'heartline-tls-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const replace = ({ cert, key }: Partial<TestPair>) => {
    if (cert !== undefined) writeFileSync(tlsCert, cert)
    if (key !== undefined) writeFileSync(tlsKey, key)
  }
  replace(pair)
  return { folder, tlsCert, tlsKey, pair, replace }
}
