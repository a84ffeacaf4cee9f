/**
 * The enrolment code: the hub's addresses, the hash of its key, and a secret.
 * Plain text without shell metacharacters: DX1.SECRET.KEYHASH.HOST:PORT/HOST:PORT…
 */
import { Fingerprint } from './ids.ts'

export type EnrollmentCode = { secret: string; fingerprint: Fingerprint; addresses: string[] }

const PATTERN = /^DX1\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})\.([0-9A-Za-z.:[\]/-]{3,600})$/
const ADDRESS = /^(?:[0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/

/** `HOST:PORT` with a port of 1 to 65535. */
export const isHubAddress = (text: string): boolean => {
  const port = Number(text.slice(text.lastIndexOf(':') + 1))
  return ADDRESS.test(text) && port >= 1 && port <= 65535
}

export function formatEnrollmentCode(code: EnrollmentCode): string {
  const key = code.fingerprint.slice('sha256/'.length, -1).replaceAll('+', '-').replaceAll('/', '_')
  return `DX1.${code.secret}.${key}.${code.addresses.join('/')}`
}

/** The parts of a code, or null if it is not valid (mistyped, truncated, from another product). */
export function parseEnrollmentCode(text: string): EnrollmentCode | null {
  const match = PATTERN.exec(text.trim())
  if (!match) return null
  const [, secret, key, list] = match as unknown as [string, string, string, string]
  const addresses = list.split('/')
  const fingerprint = `sha256/${key.replaceAll('-', '+').replaceAll('_', '/')}=`
  if (!addresses.every(isHubAddress) || !Fingerprint.safeParse(fingerprint).success) return null
  return { secret, fingerprint, addresses }
}
