/**
 * What an agent and the hub do when records of the agent were lost: it names them in its hello, and the hub answers with the
 * last sequence it has used for this device, signed for this very link. Nothing up to that is ever accepted again.
 */
import { z } from 'zod'
import { signature } from './keys.ts'
import { foreignLine } from './text.ts'

/** Damaged files that one hello names. */
export const DAMAGE_LIMIT = 16

export const StateDamage = z.object({
  /** Name of the file in the agent's state folder. */
  file: foreignLine(64).min(1),
  /** partly_unreadable: some of its records could still be read. */
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
