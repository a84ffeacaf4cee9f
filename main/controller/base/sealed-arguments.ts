/**
 * Installer arguments with secrets, as stored in the database: the visible line, and the whole line
 * sealed under a separate key. Reading the line reveals no secret; only commands and corrections
 * unseal it.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import { z } from 'zod'
import type { Random } from '#shared/node/random.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { findSecrets, type SecretArgument } from '#shared/domain/secret-arguments.ts'
import { maskSecrets, secretNames } from '#shared/domain/secret-lines.ts'
import { createValueMask, type HeldText, type ValueMask } from '#shared/domain/value-mask.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Cached masks: one per installer that is being deployed. */
const MASKS_KEPT = 200

const Clear = z.object({ line: z.string(), marks: z.array(z.string()) })
type Clear = z.infer<typeof Clear>
const Held = z.object({ text: z.string(), covered: z.number().int().nonnegative() })

/** The columns of an installer with its arguments. */
export type ArgumentColumns = {
  install_args: string
  secret_args: string[]
  sealed_args: string | null
}
type Stored = Pick<ArgumentColumns, 'install_args' | 'sealed_args'> & { platform: DevicePlatform }
export type SealedArguments = ReturnType<typeof createSealedArguments>

const derive = (key: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', `deployx install arguments ${purpose}`, 32))

/** Undefined: sealed with another key, or damaged. */
function unseal(sealed: string, by: Buffer): unknown {
  const bytes = Buffer.from(sealed, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', by, bytes.subarray(0, NONCE_BYTES))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    const body = bytes.subarray(NONCE_BYTES, -TAG_BYTES)
    return JSON.parse(Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8'))
  } catch {
    return undefined
  }
}

/** Whether this key opens `sealed_args`. */
export const opensArguments = (key: Uint8Array, sealed: string): boolean =>
  Clear.safeParse(unseal(sealed, derive(key, 'line'))).success

/** @param key 32 bytes of this controller, used for nothing else */
export function createSealedArguments(key: Uint8Array, random: Random) {
  const [lineKey, outputKey, compareKey] = [
    derive(key, 'line'),
    derive(key, 'output'),
    derive(key, 'compare'),
  ]
  const masks = new Map<string, ValueMask>()

  function seal(text: string, by: Buffer): string {
    const nonce = random.bytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', by, nonce)
    const body = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final()])
    return Buffer.concat([body, cipher.getAuthTag()]).toString('base64')
  }
  /**
   * The line in plain text and the user's marks; null: its key is lost, so the secrets have to be
   * entered again.
   */
  function open({ install_args, sealed_args }: Omit<Stored, 'platform'>): Clear | null {
    if (sealed_args === null) return { line: install_args, marks: [] }
    const clear = Clear.safeParse(unseal(sealed_args, lineKey))
    return clear.success ? clear.data : null
  }

  /** The secrets of a stored line. Also empty if they cannot be read. */
  function secretsOf(row: Stored): { line: string; secrets: SecretArgument[] } {
    const clear = row.sealed_args === null ? null : open(row)
    if (clear === null) return { line: row.install_args, secrets: [] }
    return { line: clear.line, secrets: findSecrets(clear.line, clear.marks, row.platform).secrets }
  }
  const fingerprintOf = (line: string): string =>
    createHmac('sha256', compareKey).update(line).digest('base64')
  const valuesOf = (row: Stored): string[] => secretsOf(row).secrets.flatMap((one) => one.values)

  return {
    open,
    secretsOf,
    /** Every spelling of its secrets that a program may print. */
    valuesOf,
    isLost: (row: Omit<Stored, 'platform'>): boolean => open(row) === null,

    /** A line in its stored form. */
    columns(line: string, marks: string[], secrets: readonly SecretArgument[]): ArgumentColumns {
      if (secrets.length === 0) return { install_args: line, secret_args: [], sealed_args: null }
      return {
        install_args: maskSecrets(line, secrets),
        secret_args: secretNames(secrets),
        sealed_args: seal(JSON.stringify({ line, marks } satisfies Clear), lineKey),
      }
    },

    /** Equal for equal lines; undefined if there is no secret. */
    fingerprint(row: Pick<Stored, 'install_args' | 'sealed_args'>): string | undefined {
      if (row.sealed_args === null) return undefined
      const clear = open(row)
      return clear ? fingerprintOf(clear.line) : `unreadable ${row.sealed_args}`
    },
    fingerprintOf,

    /** Hides its secrets in other texts; null if it has none. */
    maskOf(row: Stored): ValueMask | null {
      if (row.sealed_args === null) return null
      const place = `${row.platform} ${row.sealed_args}`
      let mask = masks.get(place)
      if (!mask) {
        const [oldest] = masks.keys()
        if (masks.size >= MASKS_KEPT && oldest !== undefined) masks.delete(oldest)
        mask = createValueMask(valuesOf(row))
        masks.set(place, mask)
      }
      return mask
    },

    sealHeld: (held: HeldText): string | null =>
      held.text === '' ? null : seal(JSON.stringify(held), outputKey),
    openHeld(sealed: string | null): HeldText {
      const held = Held.safeParse(sealed === null ? undefined : unseal(sealed, outputKey))
      return held.success ? held.data : { text: '', covered: 0 }
    },
  }
}
