/**
 * The controller asks this agent to become a separate device, because another active PC has the same
 * identity. The agent obeys only if the controller authenticates as the enrolled one, for this very link.
 */
import {
  Split,
  SplitDone,
  splitDoneText,
  splitProofText,
  splitText,
  type SplitReply,
} from '#shared/contract/agent/split.ts'
import { verifies, type Enrollment, type Identity } from '../identity/identity.ts'

/** This PC is a separate device from now on: see identity/split.ts. */
export class SeparateDeviceError extends Error {}

export type SplitKeeper = Pick<Identity, 'nextKey' | 'setNextEnrollment'>

/** Both return null for unauthenticated requests. They throw file system errors. */
export function createSplit(
  keeper: SplitKeeper,
  link: { enrollment: Enrollment; hubNonce: string; agentNonce: string },
) {
  const { enrollment, hubNonce, agentNonce } = link
  const { fingerprint, device_id: deviceId, command_key: commandKey } = enrollment
  return {
    /** The key that it names is on disk when this returns. */
    answer(raw: unknown): SplitReply | null {
      const asked = Split.safeParse(raw)
      const text = splitText(fingerprint, hubNonce, agentNonce, deviceId)
      if (!asked.success || !verifies(commandKey, text, asked.data.signature)) return null
      const key = keeper.nextKey()
      const proof = splitProofText(fingerprint, hubNonce, agentNonce, deviceId, key.publicKey)
      return { public_key: key.publicKey, signature: key.sign(proof) }
    },
    /** The change is final when this returns: it is completed even after a power cut. */
    decide(raw: unknown): { ok: true } | null {
      const done = SplitDone.safeParse(raw)
      if (!done.success) return null
      const { device_id: newId, signature } = done.data
      const { publicKey } = keeper.nextKey()
      const text = splitDoneText(fingerprint, hubNonce, agentNonce, deviceId, newId, publicKey)
      if (!verifies(commandKey, text, signature)) return null
      keeper.setNextEnrollment({ ...enrollment, device_id: newId })
      return { ok: true }
    },
  }
}
