/** A certificate and its key, read from files and read again when these change. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, type Stats, unwatchFile, watchFile } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { Logger } from 'pino'

/** Why TLS cannot be spoken. One table of codes; `message` is one line for a person. */
export const tlsErrors = {
  TLS_UNREADABLE: (path: string, option: string) =>
    `cannot read ${path}: give a PEM file that this user may read with ${option}`,
  TLS_INVALID: (path: string, option: string) =>
    `${path} is not what ${option} takes: expected PEM, a certificate with its chain or a key without a passphrase`,
  TLS_MISMATCH: (path: string, option: string) =>
    `the certificate and the key do not belong together: give with ${option} the key of the certificate, not ${path}`,
} as const
export type TlsErrorCode = keyof typeof tlsErrors

export class TlsError extends Error {
  readonly code: TlsErrorCode

  constructor(code: TlsErrorCode, path: string, option: string, cause?: unknown) {
    super(tlsErrors[code](path, option), cause === undefined ? undefined : { cause })
    this.name = 'TlsError'
    this.code = code
  }
}

/** Where a pair is. */
export interface TlsFiles {
  certPath: string
  keyPath: string
}

/** PEM texts that belong together. */
export interface TlsPair {
  cert: string
  key: string
  /** Of the certificate, for the log: who it is for, its fingerprint, and until when it is valid. */
  subject: string
  fingerprint: string
  validTo: string
}

/** Nothing older is spoken: TLS 1.0 and 1.1 are deprecated (RFC 8996). */
export const tlsVersionMin = 'TLSv1.2'

/** Reads a pair and checks that it is one. Throws a {@link TlsError}. */
export function readTlsPair({ certPath, keyPath }: TlsFiles): TlsPair {
  const cert = readPem(certPath, '--tls-cert')
  const key = readPem(keyPath, '--tls-key')
  const certificate = parse(() => new X509Certificate(cert), certPath, '--tls-cert')
  const privateKey = parse(() => createPrivateKey(key), keyPath, '--tls-key')
  if (!certificate.checkPrivateKey(privateKey)) throw new TlsError('TLS_MISMATCH', keyPath, '--tls-key')
  parse(() => createSecureContext({ cert, key }), certPath, '--tls-cert')
  const { subject = '', fingerprint256, validTo } = certificate
  return { cert, key, subject: subject.replaceAll('\n', ', '), fingerprint: fingerprint256, validTo }
}

/** Certificates in which to trust beside none else. Throws a {@link TlsError}. */
export function readCertificates(path: string, option: string): string {
  const text = readPem(path, option)
  parse(() => new X509Certificate(text), path, option)
  return text
}

function readPem(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new TlsError('TLS_UNREADABLE', path, option, cause)
  }
}

function parse<Parsed>(make: () => Parsed, path: string, option: string): Parsed {
  try {
    return make()
  } catch (cause) {
    throw new TlsError('TLS_INVALID', path, option, cause)
  }
}

/** How often the files are looked at: by path, as renewals replace files and links. Milliseconds. */
const lookIntervalMs = 1_000
/** Both files are written one after the other; so long they must have been left alone. Milliseconds. */
const settleMs = 250

export interface WatchTlsOptions {
  files: TlsFiles
  /** What is in use. */
  pair: TlsPair
  /** Takes a pair into use. */
  use: (pair: TlsPair) => void
  log: Logger
  lookIntervalMs?: number
}

/** Hands on each new sound pair. One that is not sound is logged, and the old one stays. Returns what ends it. */
export function watchTlsPair({ files, pair, use, log, lookIntervalMs: interval = lookIntervalMs }: WatchTlsOptions) {
  let current = pair
  let settling: NodeJS.Timeout | undefined
  const read = () => {
    try {
      const next = readTlsPair(files)
      if (next.fingerprint === current.fingerprint && next.key === current.key) return
      use(next)
      const { fingerprint: to, subject, validTo } = next
      log.info({ event: 'certificate', from: current.fingerprint, to, subject, validTo }, 'took a new certificate')
      current = next
    } catch (error) {
      const kept = current.fingerprint
      log.error({ event: 'certificate', kept, reason: (error as Error).message }, 'keeps the old certificate')
    }
  }
  const changed = (now: Stats, before: Stats) => {
    if (now.mtimeMs === before.mtimeMs && now.ino === before.ino && now.size === before.size) return
    clearTimeout(settling)
    settling = setTimeout(read, Math.min(settleMs, interval)).unref()
  }
  const paths = [files.certPath, files.keyPath]
  for (const path of paths) watchFile(path, { interval, persistent: false }, changed)
  return () => {
    clearTimeout(settling)
    for (const path of paths) unwatchFile(path, changed)
  }
}
