/**
 * Decides whether to trust a message from the hub: the only place where a signed envelope is opened. Only the
 * signed payload counts, never the plain fields next to it.
 */
import { coded, type CodedRefusal } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { InspectPayload, inspectText } from '#shared/contract/agent/inspect.ts'
import {
  CommandEnvelope,
  CommandPayload,
  commandText,
  type CommandReply,
} from '#shared/contract/agent/link.ts'
import { RestartPayload, restartText } from '#shared/contract/agent/restart.ts'
import { UpdatePayload, updateText } from '#shared/contract/agent/update.ts'
import { z } from 'zod'
import { type Enrollment, verifies } from '../identity/identity.ts'

export type CommandEvent = 'deploy_software' | 'cancel_deployment'
export type Refusal = Extract<CommandReply, { accepted: false }>
type Opened<P> =
  | { ok: true; payload: P }
  | { ok: false; why: 'malformed' | 'bad_signature' | 'wrong_device'; text: CodedRefusal }

/** The device an order is for, and the key it has to be signed with. */
type Addressee = Pick<Enrollment, 'device_id' | 'key_id' | 'command_key'>

/** What an envelope may contain. The signed text differs per purpose, so no envelope passes for another. */
type Purpose<P> = { schema: z.ZodType<P>; signedText: (payload: string) => string }

export const refuse = (
  why: Refusal['why'],
  text: CodedRefusal,
): { ok: false; refusal: Refusal } => ({
  ok: false,
  refusal: { accepted: false, why, message: compose(text), code: text.code, params: text.params },
})

const WithEnvelope = z.object({ envelope: CommandEnvelope })

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Checks every envelope: shape, key, signature for this purpose, content and addressee, in this order. */
function open<P extends { device_id: number }>(
  body: unknown,
  { device_id, key_id, command_key }: Addressee,
  { schema, signedText }: Purpose<P>,
): Opened<P> {
  const no = (
    why: Extract<Opened<P>, { ok: false }>['why'],
    text: CodedRefusal,
  ): Extract<Opened<P>, { ok: false }> => ({ ok: false, why, text })
  const outer = WithEnvelope.safeParse(body)
  if (!outer.success) return no('malformed', coded('envelope_unreadable', {}))
  const { payload, signature, key_id: signedWith } = outer.data.envelope
  if (signedWith !== key_id) return no('bad_signature', coded('key_unknown', {}))
  if (!verifies(command_key, signedText(payload), signature))
    return no('bad_signature', coded('signature_invalid', {}))
  const parsed = schema.safeParse(parseJson(payload))
  if (!parsed.success) return no('malformed', coded('command_unreadable', {}))
  if (parsed.data.device_id !== device_id)
    return no('wrong_device', coded('wrong_device', { device: parsed.data.device_id }))
  return { ok: true, payload: parsed.data }
}

/** Opens an ordered message: its sequence must be higher than the last accepted one. */
function openInOrder<P extends { device_id: number; sequence: number }>(
  body: unknown,
  addressee: Addressee,
  lastSequence: number,
  purpose: Purpose<P>,
): { ok: true; payload: P } | { ok: false; refusal: Refusal } {
  const opened = open(body, addressee, purpose)
  if (!opened.ok) return refuse(opened.why, opened.text)
  const { sequence } = opened.payload
  if (sequence <= lastSequence)
    return refuse('replayed', coded('replayed', { sequence, last: lastSequence }))
  return opened
}

const COMMAND = { schema: CommandPayload, signedText: commandText }
const UPDATE = { schema: UpdatePayload, signedText: updateText }
const RESTART = { schema: RestartPayload, signedText: restartText }
const INSPECTION = { schema: InspectPayload, signedText: inspectText }

/** Opens a command as received. */
export const openCommand = (body: unknown, addressee: Addressee, lastSequence: number) =>
  openInOrder(body, addressee, lastSequence, COMMAND)

/** Opens an order to update the agent. */
export const openUpdate = (body: unknown, addressee: Addressee, lastSequence: number) =>
  openInOrder(body, addressee, lastSequence, UPDATE)

/** Opens an order about restarts. Whether its sequence is valid depends on what is known of that restart. */
export const openRestart = (body: unknown, addressee: Addressee): Opened<RestartPayload> =>
  open(body, addressee, RESTART)

/** Opens an inspection request. It has no sequence, because answering it changes nothing. */
export const openInspection = (body: unknown, addressee: Addressee): Opened<InspectPayload> =>
  open(body, addressee, INSPECTION)
