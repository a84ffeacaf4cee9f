/**
 * Restarting a PC, hub → agent. An order names the boot of the PC that it is to end: in any other boot it is void, so that
 * no order, however often or late it arrives, restarts a PC twice.
 */
import { z } from 'zod'
import { DeploymentId, DeviceId, RestartId } from '../domain/ids.ts'
import { RESTART_NOTICE_MAX_MINUTES } from '../domain/restart-state.ts'
import { foreignLine } from './text.ts'

/** Names one boot of one PC; another after every restart. Hostile input. */
export const BootId = z.string().regex(/^[\x21-\x7e]{1,128}$/)
export type BootId = z.infer<typeof BootId>

/** What an agent says at the start of a link. One that says nothing of it is too old to restart its PC. */
export const RestartAbility = z.discriminatedUnion('possible', [
  z.object({ possible: z.literal(true), boot_id: BootId }),
  z.object({ possible: z.literal(false), why: foreignLine(300) }),
])
export type RestartAbility = z.infer<typeof RestartAbility>

/** What is signed. Its purpose comes first, so that this signature counts for nothing else. */
export const restartText = (payload: string): string => 'deployx restart v1\n' + payload

const base = z.object({
  device_id: DeviceId,
  deployment_id: DeploymentId,
  restart_id: RestartId,
  /** Above that of every order and withdrawal before: an order that was withdrawn cannot come back. */
  sequence: z.number().int().positive(),
  issued_at: z.iso.datetime(),
})
export const RestartOrder = base.extend({
  action: z.literal('restart'),
  boot_id: BootId,
  delay_seconds: z
    .number()
    .int()
    .min(60)
    .max(RESTART_NOTICE_MAX_MINUTES * 60),
  /** Told to the people at the PC. */
  deployment_name: z.string().max(200),
})
export type RestartOrder = z.infer<typeof RestartOrder>
export const RestartWithdrawal = base.extend({ action: z.literal('call_off') })
export type RestartWithdrawal = z.infer<typeof RestartWithdrawal>
export const RestartPayload = z.discriminatedUnion('action', [RestartOrder, RestartWithdrawal])
export type RestartPayload = z.infer<typeof RestartPayload>

const message = foreignLine(1000)
export const RestartReply = z.discriminatedUnion('result', [
  /** It is in the agent's journal, and the notice runs. */
  z.object({ result: z.literal('announced'), due_in_seconds: z.number().nonnegative() }),
  /** The boot that was to be ended is over. */
  z.object({ result: z.literal('passed') }),
  /** It will not restart for this. */
  z.object({ result: z.literal('called_off') }),
  /** Not now, and nothing of it is kept. */
  z.object({ result: z.literal('busy'), message }),
  /** Not at all. */
  z.object({ result: z.literal('refused'), message }),
])
export type RestartReply = z.infer<typeof RestartReply>
