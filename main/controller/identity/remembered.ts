/** Whose keys a database belongs to: kept in the database, so that keys of another controller, or older ones, are noticed. */
import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { PublicKey } from '#shared/contract/keys.ts'
import { Succession, successionText, type SignedSuccession } from '#shared/contract/succession.ts'
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

/** @param text what the database holds; anything else than keys counts as nothing */
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
 * Whether the present keys are the remembered ones, or ones that followed them: a crash between a change of keys and its
 * note in the database, or a database older than the keys, is no fault.
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
