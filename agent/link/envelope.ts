/** Decides whether a command is to be believed. Only the signed payload counts, never the plain fields beside it. */
import {
  CommandEnvelope,
  CommandPayload,
  commandText,
  InspectPayload,
  inspectText,
  type CommandReply,
} from '#shared/contract/agent-link.ts'
import { UpdatePayload, updateText } from '#shared/contract/agent-update.ts'
import { z } from 'zod'
import { type Enrollment, verifies } from '../identity/identity.ts'

export type CommandEvent = 'deploy_software' | 'cancel_deployment'
export type Refusal = Extract<CommandReply, { accepted: false }>
type OpenedAs<P> = { ok: true; payload: P } | { ok: false; refusal: Refusal }
export type Opened = OpenedAs<CommandPayload>

export const refuse = (why: Refusal['why'], message: string): { ok: false; refusal: Refusal } => ({
  ok: false,
  refusal: { accepted: false, why, message },
})

const WithEnvelope = z.object({ envelope: CommandEnvelope })

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const UNKNOWN_KEY = 'It is signed with a key that this agent does not know.'

/** Opens a question of the hub: shape, key, signature, meaning, addressee. A question has no order: answering it changes nothing. */
export function openInspection(
  body: unknown,
  enrollment: Enrollment,
): { ok: true; payload: InspectPayload } | { ok: false; message: string } {
  const outer = WithEnvelope.safeParse(body)
  if (!outer.success) return { ok: false, message: 'The question has no readable envelope.' }
  const { payload, signature, key_id } = outer.data.envelope
  if (key_id !== enrollment.key_id) return { ok: false, message: UNKNOWN_KEY }
  if (!verifies(enrollment.command_key, inspectText(payload), signature))
    return { ok: false, message: 'The signature of the question is not valid.' }
  const parsed = InspectPayload.safeParse(parseJson(payload))
  if (!parsed.success) return { ok: false, message: 'The question cannot be read.' }
  if (parsed.data.device_id !== enrollment.device_id)
    return { ok: false, message: `The question is for device ${parsed.data.device_id}.` }
  return { ok: true, payload: parsed.data }
}

/** What every signed order has to pass: shape, key, signature, meaning, addressee and order, in this order. */
function open<P extends { device_id: number; sequence: number }>(
  body: unknown,
  enrollment: Enrollment,
  lastSequence: number,
  as: { schema: z.ZodType<P>; purpose: (payload: string) => string },
): OpenedAs<P> {
  const outer = WithEnvelope.safeParse(body)
  if (!outer.success) return refuse('malformed', 'The command has no readable envelope.')
  const { payload, signature, key_id } = outer.data.envelope
  if (key_id !== enrollment.key_id)
    return refuse(
      'bad_signature',
      'The command is signed with a key that this agent does not know.',
    )
  if (!verifies(enrollment.command_key, as.purpose(payload), signature))
    return refuse('bad_signature', 'The signature of the command is not valid.')
  const parsed = as.schema.safeParse(parseJson(payload))
  if (!parsed.success) return refuse('malformed', 'The signed command cannot be read.')
  const command = parsed.data
  if (command.device_id !== enrollment.device_id)
    return refuse('wrong_device', `The command is for device ${command.device_id}.`)
  if (command.sequence <= lastSequence)
    return refuse(
      'replayed',
      `The command's sequence ${command.sequence} is not above ${lastSequence}.`,
    )
  return { ok: true, payload: command }
}

/**
 * Opens a command as it came from the wire.
 * @param lastSequence highest sequence accepted before: a command must be above it
 */
export const openEnvelope = (body: unknown, enrollment: Enrollment, lastSequence: number): Opened =>
  open(body, enrollment, lastSequence, { schema: CommandPayload, purpose: commandText })

/** Opens an order to become another version of itself, likewise. */
export const openUpdate = (
  body: unknown,
  enrollment: Enrollment,
  lastSequence: number,
): OpenedAs<UpdatePayload> =>
  open(body, enrollment, lastSequence, { schema: UpdatePayload, purpose: updateText })
