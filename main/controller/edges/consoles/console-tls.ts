/**
 * The console's own TLS key and certificate, used when it is served to other computers. The key has no other use; `serve`
 * prints its fingerprint. No agent relies on them, so both are recreated when missing or unreadable.
 */
import { createPrivateKey, generateKeyPairSync, X509Certificate, createHash } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { Fingerprint } from '#shared/domain/ids.ts'
import type { Log } from '../../base/context.ts'
import { writeDurably } from '../../../lib/durable-file.ts'
import { readSecret, sealSecret, writeSecret, type VaultKey } from '../../base/vault.ts'
import { certificateNames } from './served-names.ts'

const KEY_FILE = 'console-tls.key'
const CERTIFICATE_FILE = 'console-tls.crt'
/** Apple's systems refuse lifetimes above 825 days: support.apple.com/en-us/103769. */
const CERTIFICATE_DAYS = 800
const RENEW_BEFORE_EXPIRY_MS = 60 * 24 * 3_600_000

export type ConsoleTls = {
  key: string
  cert: string
  /** `sha256/` and the Base64 of SHA-256 over the key, as for the hub; unchanged when the certificate is renewed. */
  fingerprint: Fingerprint
}

function readKey(file: string, vault: VaultKey, log: Log): string {
  try {
    sealSecret(file, vault)
    const key = readSecret(file, vault).toString('utf8')
    if (createPrivateKey(key).asymmetricKeyDetails?.namedCurve === 'prime256v1') return key
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT')
      log.warn({ err: error, file }, "the console's TLS key cannot be read; a new one is created")
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  writeSecret(file, key, vault)
  return key
}

/** Null: it is missing, unreadable, not valid yet, for another key, lacks a name, or expires soon. */
function usableCertificate(file: string, key: string, names: readonly string[]): string | null {
  try {
    const pem = readFileSync(file, 'utf8')
    const certificate = new X509Certificate(pem)
    const isNamed = (name: string): boolean =>
      (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined
    // `validToDate` and similar came with a later Node than Electron's.
    return certificate.checkPrivateKey(createPrivateKey(key)) &&
      Date.parse(certificate.validTo) - Date.now() > RENEW_BEFORE_EXPIRY_MS &&
      Date.parse(certificate.validFrom) <= Date.now() &&
      names.every(isNamed)
      ? pem
      : null
  } catch {
    return null
  }
}

/** @param names names and addresses that the certificate must contain */
export async function openConsoleTls(deps: {
  dataDir: string
  vaultKey: VaultKey
  names: readonly string[]
  log: Log
}): Promise<ConsoleTls> {
  const folder = join(deps.dataDir, 'keys')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const key = readKey(join(folder, KEY_FILE), deps.vaultKey, deps.log)
  const file = join(folder, CERTIFICATE_FILE)
  let cert = usableCertificate(file, key, deps.names)
  if (cert === null) {
    const { makeSelfSigned } = await import('../../base/self-signed.ts')
    const names = certificateNames(deps.names)
    cert = await makeSelfSigned(key, { name: 'DeployX console', days: CERTIFICATE_DAYS, names })
    writeDurably(file, cert)
  }
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  const fingerprint: Fingerprint = `sha256/${createHash('sha256').update(spki).digest('base64')}`
  return { key, cert, fingerprint }
}
