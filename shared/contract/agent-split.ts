/** Two PCs that carry one identity, hub → agent: one of them is asked to become a device of its own. */
import { z } from 'zod'
import { DeviceId } from '../domain/ids.ts'
import { PublicKey, signature } from './keys.ts'

/** Asks an agent to take an identity of its own, and proves the hub to it as the welcome does. */
export const splitText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
): string => ['deployx split v1', fingerprint, hubNonce, agentNonce, deviceId].join('\n')
/** Signed by the new key: whoever names it holds it. */
export const splitProofText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
  publicKey: string,
): string =>
  ['deployx split proof v1', fingerprint, hubNonce, agentNonce, deviceId, publicKey].join('\n')
export const splitDoneText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
  newDeviceId: number,
  publicKey: string,
): string =>
  [
    'deployx split done v1',
    fingerprint,
    hubNonce,
    agentNonce,
    deviceId,
    newDeviceId,
    publicKey,
  ].join('\n')

/**
 * Instead of `welcome`, or later on a standing link: another living PC holds this identity. The agent makes a key of its
 * own, keeps it, and names it; `split_done` then tells it which device it is from now on.
 */
export const Split = z.object({ signature })
export const SplitReply = z.object({ public_key: PublicKey, signature })
export type SplitReply = z.infer<typeof SplitReply>
export const SplitDone = z.object({ device_id: DeviceId, signature })
