/**
 * Randomness, as the controller and the agent get it. Their code gets it passed in, so that tests can repeat a run.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto'

/**
 * `uuid`, `bytes` and `below` also make keys, tokens, passwords and nonces: outside tests they must come from a
 * cryptographic generator, as those of `systemRandom` do.
 */
export type Random = {
  uuid: () => string
  bytes: (count: number) => Buffer
  /** An integer, at least 0 and less than `limit`. */
  below: (limit: number) => number
  /** At least 0 and less than 1. For delays, never for secrets. */
  fraction: () => number
}

/** Node's own: node:crypto for everything that may be a secret. */
export const systemRandom: Random = {
  uuid: () => randomUUID(),
  bytes: (count) => randomBytes(count),
  below: (limit) => randomInt(limit),
  fraction: () => Math.random(),
}
