/**
 * Passwords are stored as scrypt hashes with their parameters, so that the cost can be raised
 * later.
 */
import { timingSafeEqual } from 'node:crypto'
import { join } from 'node:path'
import type { Clock, Random } from '../../base/context.ts'
import { AppError } from '#shared/contract/errors.ts'
import { createAskWorker, TooManyRequests } from '../../base/ask-worker.ts'

/** OWASP's recommendation for scrypt: N = 2^17, r = 8, p = 1 (128 MiB). N = 2^15 keeps sign-in under 100 ms on an office laptop with p = 3 for the same work. */
const COST = { N: 2 ** 15, r: 8, p: 3 }
const KEY_BYTES = 32
const TIMEOUT_MS = 30_000
/** Sign-ins that may wait; they are processed one after the other. */
const WAITING_LIMIT = 50

export type Derivation = typeof COST & { password: string; salt: Uint8Array; keyBytes: number }
export type Passwords = ReturnType<typeof createPasswords>

/** @param workersDir where the built workers are; null: beside the sources */
export function createPasswords({
  workersDir,
  clock,
  random,
}: {
  workersDir: string | null
  clock: Clock
  random: Random
}) {
  const worker = createAskWorker<Derivation, Uint8Array>({
    file: workersDir
      ? join(workersDir, 'passwords.js')
      : join(import.meta.dirname, 'password-worker.ts'),
    data: null,
    timeoutMs: TIMEOUT_MS,
    limit: WAITING_LIMIT,
    clock,
  })
  async function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
    try {
      const question = { ...cost, password: password.normalize('NFKC'), salt, keyBytes: KEY_BYTES }
      return Buffer.from(await worker.ask(question))
    } catch (cause) {
      if (!(cause instanceof TooManyRequests)) throw cause
      throw new AppError('E_RATE_LIMITED', 'Too many sign-ins at the same time. Try again.', [], {
        cause,
      })
    }
  }
  const stored = (salt: Buffer, key: Buffer): string =>
    ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$')

  return {
    /** @throws AppError E_RATE_LIMITED */
    async hash(password: string): Promise<string> {
      const salt = random.bytes(16)
      return stored(salt, await derive(password, salt, COST))
    },
    /** A hash that matches no password, so that unknown users take as long as known ones. */
    unmatchable: (): string => stored(random.bytes(16), random.bytes(KEY_BYTES)),
    /**
     * True if `password` matches `entry`. A damaged entry counts as a wrong password. @throws
     * AppError E_RATE_LIMITED
     */
    async verify(password: string, entry: string): Promise<boolean> {
      const [scheme, N, r, p, salt, key] = entry.split('$')
      if (scheme !== 'scrypt' || !salt || !key) return false
      const expected = Buffer.from(key, 'base64')
      const cost = { N: Number(N), r: Number(r), p: Number(p) }
      const actual = await derive(password, Buffer.from(salt, 'base64'), cost)
      return expected.length === actual.length && timingSafeEqual(expected, actual)
    },
    stop: worker.stop,
  }
}
