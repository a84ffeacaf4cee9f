/** Duplicate identity, hub → agent: the clone becomes a device of its own. */
import { z } from 'zod'
import { DeviceId } from '../../domain/ids.ts'
import { PublicKey, signature } from '../keys.ts'

/** Orders an agent to create its own identity, and authenticates the hub as the welcome does. */
export const splitText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
): string => ['deployx split v1', fingerprint, hubNonce, agentNonce, deviceId].join('\n')
/** Signed by the new key: proves possession of it. */
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
 * Instead of `welcome`, or later on an open link: another connected PC has this identity. The agent creates a key, stores it
 * and sends it; `split_done` then names its new device.
 */
export const Split = z.object({ signature })
export const SplitReply = z.object({ public_key: PublicKey, signature })
export type SplitReply = z.infer<typeof SplitReply>
export const SplitDone = z.object({ device_id: DeviceId, signature })
