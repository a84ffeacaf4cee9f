/**
 * Recovery from lost agent records: the agent lists them in its hello, and the hub answers with the last sequence used for
 * this device, signed for this link. The agent never accepts a command up to that sequence again.
 */
import { z } from 'zod'
import { signature } from '../keys.ts'
import { foreignLine } from '../text.ts'

/** Maximum number of damaged files in one hello. */
export const DAMAGE_LIMIT = 16

export const StateDamage = z.object({
  /** Name of the file in the agent's state folder. */
  file: foreignLine(64).min(1),
  /** `partly_unreadable`: some records could still be read. */
  what: z.enum(['missing', 'empty', 'unreadable', 'partly_unreadable']),
  at: z.iso.datetime(),
})
export type StateDamage = z.infer<typeof StateDamage>

export const SequenceStatement = z.object({
  last: z.number().int().nonnegative(),
  /** By the command key, over sequenceText(). */
  signature,
})
export type SequenceStatement = z.infer<typeof SequenceStatement>

export const sequenceText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
  last: number,
): string => ['deployx sequence v1', fingerprint, hubNonce, agentNonce, deviceId, last].join('\n')
