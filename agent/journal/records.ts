/** The journal's records, and the state that follows from them. Pure. */
import { z } from 'zod'
import { DeploymentResult, DeployPayload } from '#shared/contract/agent/link.ts'
import { EffectParams } from '#shared/domain/coded-texts/codes.ts'
import { AttemptId } from '#shared/domain/ids.ts'

/** Written before it is acted on: `installing` is on disk before the installer can start. */
export const Step = z.enum(['accepted', 'downloading', 'installing'])
export type Step = z.infer<typeof Step>

/** The state of the PC before the installer ran, for cleaning up after it. */
export const Before = z.object({
  package_name: z.string().nullable(),
  was_installed: z.boolean(),
  /** What else it changes on the PC. */
  effects: EffectParams.optional(),
})
export type Before = z.infer<typeof Before>

/** The result of an ended and acknowledged attempt, kept so that it never runs again. */
const Done = DeploymentResult.omit({ error_details: true })

/** Every record carries the highest sequence, so that one lost record cannot readmit an old command. */
const base = { high: z.number().int().nonnegative() }
const id = AttemptId
export const JournalRecord = z.discriminatedUnion('t', [
  z.object({ ...base, t: z.literal('sequence') }),
  z.object({ ...base, t: z.literal('accepted'), payload: DeployPayload }),
  z.object({ ...base, t: z.literal('step'), id, step: Step, before: Before.nullable() }),
  z.object({ ...base, t: z.literal('canceled'), id }),
  z.object({ ...base, t: z.literal('result'), id, result: DeploymentResult }),
  z.object({ ...base, t: z.literal('acknowledged'), id }),
  z.object({ ...base, t: z.literal('done'), result: Done }),
])
export type JournalRecord = z.infer<typeof JournalRecord>

export type Attempt = {
  payload: DeployPayload
  step: Step
  before: Before | null
  isCanceled: boolean
  /** Set once it has ended; kept until the hub has acknowledged it. */
  result: DeploymentResult | null
}

/** How many ids of ended attempts are remembered. */
export const DONE_LIMIT = 10_000
const DONE_MESSAGE_LIMIT = 300

export type JournalState = {
  highest: number
  /** Open, or ended and not acknowledged, in the order of acceptance. */
  attempts: Map<AttemptId, Attempt>
  /** Ended and acknowledged, oldest first. */
  done: Map<AttemptId, DeploymentResult>
}

export const emptyState = (): JournalState => ({ highest: 0, attempts: new Map(), done: new Map() })

function remember(state: JournalState, result: DeploymentResult): void {
  const kept = { ...result, message: result.message.slice(0, DONE_MESSAGE_LIMIT) }
  delete kept.error_details
  delete kept.result_code
  delete kept.result_params
  state.done.set(result.attempt_id, kept)
  if (state.done.size > DONE_LIMIT) {
    const oldest = state.done.keys().next()
    if (!oldest.done) state.done.delete(oldest.value)
  }
}

export const holdsSecrets = ({ secret_values }: DeployPayload): boolean =>
  secret_values !== undefined && secret_values.length > 0

/** What is needed of a command once it has ended: nothing runs it again. */
const withoutSecrets = (payload: DeployPayload): DeployPayload =>
  holdsSecrets(payload) ? { ...payload, argv: [], secret_values: [] } : payload

/** Applies one record. Ignores records that refer to something no longer in the state. */
export function apply(state: JournalState, record: JournalRecord): void {
  state.highest = Math.max(state.highest, record.high)
  switch (record.t) {
    case 'sequence':
      return
    case 'accepted':
      state.attempts.set(record.payload.attempt_id, {
        payload: record.payload,
        step: 'accepted',
        before: null,
        isCanceled: false,
        result: null,
      })
      return
    case 'step': {
      const attempt = state.attempts.get(record.id)
      if (attempt) Object.assign(attempt, { step: record.step, before: record.before })
      return
    }
    case 'canceled': {
      const attempt = state.attempts.get(record.id)
      if (attempt) attempt.isCanceled = true
      return
    }
    case 'result': {
      const attempt = state.attempts.get(record.id)
      if (attempt) {
        attempt.result = record.result
        attempt.payload = withoutSecrets(attempt.payload)
      }
      return
    }
    case 'acknowledged': {
      const attempt = state.attempts.get(record.id)
      if (attempt?.result) remember(state, attempt.result)
      state.attempts.delete(record.id)
      return
    }
    case 'done':
      remember(state, record.result)
      return
  }
}

/** The fewest records that lead to the same state. */
export function summarize(state: JournalState): JournalRecord[] {
  const high = state.highest
  const done = [...state.done.values()].map((result) => ({ t: 'done' as const, high, result }))
  const attempts = [...state.attempts].flatMap(([id, attempt]): JournalRecord[] => [
    { t: 'accepted', high, payload: attempt.payload },
    { t: 'step', high, id, step: attempt.step, before: attempt.before },
    ...(attempt.isCanceled ? [{ t: 'canceled' as const, high, id }] : []),
    ...(attempt.result ? [{ t: 'result' as const, high, id, result: attempt.result }] : []),
  ])
  return [{ t: 'sequence', high }, ...done, ...attempts]
}
