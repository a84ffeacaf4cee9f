/** Passwords are kept as scrypt hashes with their parameters beside them, so that the cost can be raised later. */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** OWASP's recommendation for scrypt: N = 2^17, r = 8, p = 1 (128 MiB). N = 2^15 keeps sign-in under 100 ms on an office laptop with p = 3 for the same work. */
const COST = { N: 2 ** 15, r: 8, p: 3 }
const KEY_BYTES = 32

const derive = (password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(
      password.normalize('NFKC'),
      salt,
      KEY_BYTES,
      { ...cost, maxmem: 256 * cost.N * cost.r },
      (error, key) => (error ? reject(error) : resolve(key)),
    )
  })

const stored = (salt: Buffer, key: Buffer): string =>
  ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$')

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  return stored(salt, await derive(password, salt, COST))
}

/** What no password fits, and costs as much to compare with as any other. */
export const unmatchable = (): string => stored(randomBytes(16), randomBytes(KEY_BYTES))

/** True when `password` is the one behind `entry`. A damaged entry counts as a wrong password. */
export async function verifyPassword(password: string, entry: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = entry.split('$')
  if (scheme !== 'scrypt' || !salt || !key) return false
  const expected = Buffer.from(key, 'base64')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const actual = await derive(password, Buffer.from(salt, 'base64'), cost)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}
