/** Follows the controller when its keys change: see shared/contract/agent/succession.ts. */
import type { X509Certificate } from 'node:crypto'
import {
  SignedSuccession,
  Succession,
  SUCCESSION_LIMIT,
  SUCCESSION_NAME,
  successionText,
} from '#shared/contract/agent/succession.ts'
import { verifies, type Enrollment } from './identity.ts'

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The statements in a certificate, in order. Unreadable ones are skipped, because they prove nothing. */
export function statementsOf(certificate: X509Certificate): SignedSuccession[] {
  const prefix = `URI:${SUCCESSION_NAME}`
  return (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith(prefix))
    .slice(0, SUCCESSION_LIMIT)
    .flatMap((name) => {
      const text = Buffer.from(name.slice(prefix.length), 'base64url').toString('utf8')
      const parsed = SignedSuccession.safeParse(parseJson(text))
      return parsed.success ? [parsed.data] : []
    })
}

/** Whether `next`, with this signature, is a valid successor of the controller that this agent obeys now. */
function isSuccessor(now: Enrollment, next: Succession, signed: SignedSuccession): boolean {
  const text = successionText(signed.payload)
  switch (signed.signer) {
    case 'command':
      return (
        next.generation === now.generation &&
        next.epoch === now.epoch + 1 &&
        // A stolen command key must not replace the recovery key, which can revoke it.
        next.recovery_key === now.recovery_key &&
        verifies(now.command_key, text, signed.signature)
      )
    case 'recovery':
      return (
        now.recovery_key !== null &&
        next.generation > now.generation &&
        verifies(now.recovery_key, text, signed.signature)
      )
  }
}

/**
 * The enrolment after all statements that follow from it, one after another; the same object if none does.
 */
export function follow(
  enrollment: Enrollment,
  statements: readonly SignedSuccession[],
): Enrollment {
  let now = enrollment
  for (const signed of statements) {
    const parsed = Succession.safeParse(parseJson(signed.payload))
    if (!parsed.success || !isSuccessor(now, parsed.data, signed)) continue
    const { generation, epoch, command_key, key_id, recovery_key, fingerprint } = parsed.data
    now = { ...now, generation, epoch, command_key, key_id, recovery_key, fingerprint }
  }
  return now
}
