/**
 * The keys that a database belongs to, stored in the database, so that foreign or older keys are
 * detected.
 */
import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { PublicKey } from '#shared/contract/keys.ts'
import {
  Succession,
  successionText,
  type SignedSuccession,
} from '#shared/contract/agent/succession.ts'
import { Fingerprint } from '#shared/domain/ids.ts'
import type { SuccessionState } from './key-files.ts'

export const RememberedKeys = z.object({
  fingerprint: Fingerprint,
  command_key: PublicKey,
  recovery_key: PublicKey,
  generation: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
})
export type RememberedKeys = z.infer<typeof RememberedKeys>

/** @param text what the database contains; anything other than keys is ignored */
export function parseRemembered(text: string | null): RememberedKeys | null {
  const parsed = RememberedKeys.safeParse(parseJson(text ?? ''))
  return parsed.success ? parsed.data : null
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

type Present = { fingerprint: string; commandKey: string; succession: SuccessionState }

function recovers(signed: SignedSuccession, before: RememberedKeys): boolean {
  const parsed = Succession.safeParse(parseJson(signed.payload))
  if (signed.signer !== 'recovery' || !parsed.success) return false
  const key = createPublicKey({
    key: Buffer.from(before.recovery_key, 'base64'),
    format: 'der',
    type: 'spki',
  })
  return (
    parsed.data.generation > before.generation &&
    verify(
      null,
      Buffer.from(successionText(signed.payload)),
      key,
      Buffer.from(signed.signature, 'base64'),
    )
  )
}

/**
 * Whether the current keys are the remembered ones or their successors: a crash between a key
 * change and its record in the database, or a database older than the keys, is no fault.
 */
export function belongTogether(before: RememberedKeys, present: Present): boolean {
  const { fingerprint, commandKey, succession } = present
  if (before.fingerprint === fingerprint && before.command_key === commandKey) return true
  const { generation, epoch } = succession
  const isNewer =
    generation > before.generation || (generation === before.generation && epoch > before.epoch)
  if (!isNewer) return false
  return (
    before.command_key === commandKey ||
    succession.past.some(({ public_key }) => public_key === before.command_key) ||
    succession.statements.some((signed) => recovers(signed, before))
  )
}
