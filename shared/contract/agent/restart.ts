/**
 * Restarting a PC, hub → agent. An order names the boot that it ends and is void in any other boot, so that no repeated or
 * late order restarts a PC twice.
 */
import { z } from 'zod'
import { DeploymentId, DeviceId, RestartId } from '../../domain/ids.ts'
import { RESTART_NOTICE_MAX_MINUTES } from '../../domain/restart-state.ts'
import { foreignCode, foreignParams } from './coded.ts'
import { foreignLine } from '../text.ts'

/** Identifies one boot of one PC; changes with every restart. Hostile input. */
export const BootId = z.string().regex(/^[\x21-\x7e]{1,128}$/)
export type BootId = z.infer<typeof BootId>

/** Reported at the start of a link. An agent that leaves it out is too old to restart its PC. */
export const RestartAbility = z.discriminatedUnion('possible', [
  z.object({ possible: z.literal(true), boot_id: BootId }),
  z.object({
    possible: z.literal(false),
    why: foreignLine(300),
    /** `why` as a code with parameters. Agents of earlier versions send neither. */
    code: foreignCode,
    params: foreignParams,
  }),
])
export type RestartAbility = z.infer<typeof RestartAbility>

/** The signed text. It starts with its purpose, so that the signature is valid for nothing else. */
export const restartText = (payload: string): string => 'deployx restart v1\n' + payload

const base = z.object({
  device_id: DeviceId,
  deployment_id: DeploymentId,
  restart_id: RestartId,
  /** Above every earlier order and withdrawal, so that a withdrawn order cannot be replayed. */
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
  /** Shown to people at the PC. */
  deployment_name: z.string().max(200),
})
export type RestartOrder = z.infer<typeof RestartOrder>
export const RestartWithdrawal = base.extend({ action: z.literal('call_off') })
export type RestartWithdrawal = z.infer<typeof RestartWithdrawal>
export const RestartPayload = z.discriminatedUnion('action', [RestartOrder, RestartWithdrawal])
export type RestartPayload = z.infer<typeof RestartPayload>

const message = foreignLine(1000)
export const RestartReply = z.discriminatedUnion('result', [
  /** It is in the agent's journal, and the notice is running. */
  z.object({ result: z.literal('announced'), due_in_seconds: z.number().nonnegative() }),
  /** The boot that it names has already ended. */
  z.object({ result: z.literal('passed') }),
  /** The order was withdrawn. */
  z.object({ result: z.literal('called_off') }),
  /** Not now; the agent keeps nothing of it. */
  z.object({ result: z.literal('busy'), message }),
  /** Never. */
  z.object({
    result: z.literal('refused'),
    message,
    /** The message as a code with parameters. Agents of earlier versions send neither. */
    code: foreignCode,
    params: foreignParams,
  }),
])
export type RestartReply = z.infer<typeof RestartReply>
