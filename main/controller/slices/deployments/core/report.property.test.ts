import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { AttemptId, DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { TargetReason } from '#shared/domain/reasons.ts'
import { isEnded, TARGET_STATES } from '#shared/domain/target-state.ts'
import type { ReportedRow } from '../tables/rows.ts'
import { ENGINE_TIMINGS } from '../timings.ts'
import { NOTHING, type ReportContext } from './judgement.ts'
import { afterJudgement, judgeReport, type AttemptReport } from './report.ts'

const NOW_MS = Date.parse('2026-05-01T12:00:00Z')
const ATTEMPT = 'a'.repeat(32) as AttemptId
const NEWER = 'b'.repeat(32) as AttemptId
const reasons = TargetReason.options
const iso = fc.constantFrom('2026-05-01T11:00:00.000Z')
const ms = fc.constantFrom(NOW_MS - 60_000, NOW_MS, NOW_MS + 60_000)

const rows: fc.Arbitrary<ReportedRow> = fc
  .record({
    state: fc.constantFrom(...TARGET_STATES),
    reason: fc.option(fc.constantFrom(...reasons)),
    isLive: fc.boolean(),
    started_at: fc.option(iso),
    attempt_ended_at: fc.option(iso),
    attempt_reason: fc.option(fc.constantFrom(...reasons)),
    retry_until_ms: fc.option(ms),
    held_since_ms: fc.option(ms),
  })
  .map(({ state, isLive, ...columns }) =>
    Object.freeze({
      ...columns,
      id: 7 as TargetId,
      target_id: 7 as TargetId,
      deployment_id: 1 as DeploymentId,
      device_id: 3 as DeviceId,
      installer_id: null,
      deployment_status: state,
      attempt_id: ATTEMPT,
      attempt: 1,
      live_attempt_id: isLive ? ATTEMPT : NEWER,
      live_attempt: isLive ? 1 : 2,
    }),
  )

const names = {
  deployment_id: 1 as DeploymentId,
  target_id: 7 as TargetId,
  attempt: 1,
  attempt_id: ATTEMPT,
}
const reason = fc.option(fc.constantFrom(...reasons), { nil: undefined })
const results = fc
  .record({ status: fc.constantFrom('success', 'failed', 'skipped'), reason })
  .map((body) => ({ kind: 'result', body: { ...names, ...body, message: 'm' } }) as const)
const others: fc.Arbitrary<AttemptReport> = fc.oneof(
  fc
    .record({
      phase: fc.constantFrom('downloading', 'verifying', 'installing'),
      reason,
      held_by: fc.option(fc.constantFrom('on_battery', 'on_metered'), { nil: undefined }),
      bytes: fc.option(fc.nat(), { nil: undefined }),
    })
    .map((body): AttemptReport => ({ kind: 'progress', body: { ...names, ...body } })),
  fc
    .constantFrom('busy', 'replayed', 'unsupported', 'on_battery', 'on_metered')
    .map((why): AttemptReport => ({
      kind: 'reply',
      reply: { accepted: false, why, message: 'm' },
    })),
  fc.constantFrom<AttemptReport>(
    { kind: 'reply', reply: 'no_answer' },
    { kind: 'reply', reply: { accepted: true } },
    { kind: 'cancel_unknown' },
    { kind: 'unreadable', text: coded('agent_lacks_rule', { device: 'A', rule: 'msix' }) },
    { kind: 'missing_on_agent' },
  ),
)
const reports: fc.Arbitrary<AttemptReport> = fc.oneof(results, others)
const contexts: fc.Arbitrary<ReportContext> = fc.record({
  isCanceling: fc.boolean(),
  timeoutSeconds: fc.option(fc.constantFrom(60, 3_600)),
  fileFault: fc.option(fc.constantFrom('damaged', 'missing')),
  isForOneUser: fc.boolean(),
})
const MANY = { numRuns: 2_000 }
const judge = (row: ReportedRow, report: AttemptReport, context: ReportContext) =>
  judgeReport(row, report, context, NOW_MS, ENGINE_TIMINGS)

describe('judging a report', () => {
  it('takes only transitions of the state table, from every state', () => {
    fc.assert(
      fc.property(rows, reports, contexts, (row, report, context) => {
        // Throws at a transition that the table does not have.
        const after = afterJudgement(row, judge(row, report, context))
        if (isEnded(row.deployment_status) && row.deployment_status !== 'failed')
          expect(after.deployment_status).toBe(row.deployment_status)
      }),
      MANY,
    )
  })

  it('never lets an older attempt change its target', () => {
    fc.assert(
      fc.property(rows, reports, contexts, (row, report, context) => {
        fc.pre(row.live_attempt_id !== row.attempt_id)
        expect(judge(row, report, context)).toMatchObject({ events: [], change: null })
      }),
      MANY,
    )
  })

  it('ignores a result that is recorded already, however often it is repeated', () => {
    fc.assert(
      fc.property(rows, results, contexts, (row, report, context) => {
        const first = judge(row, report, context)
        const after = afterJudgement(row, first)
        // A result for an attempt that was given up is believed once more, and leaves the same state.
        const second = judge(after, report, context)
        expect(afterJudgement(after, second).deployment_status).toBe(after.deployment_status)
        if (first.end && first.end.reason !== 'lease_expired') expect(second).toBe(NOTHING)
      }),
      MANY,
    )
  })

  it('keeps the outcome of a target that ended, except for a late result after an expired lease', () => {
    fc.assert(
      fc.property(rows, reports, contexts, (row, report, context) => {
        fc.pre(row.deployment_status === 'failed' && row.reason !== 'lease_expired')
        expect(judge(row, report, context).change).toBeNull()
      }),
      MANY,
    )
  })

  it('gives every failure a message and every open state a deadline or a next try', () => {
    fc.assert(
      fc.property(rows, reports, contexts, (row, report, context) => {
        const judged = judge(row, report, context)
        const { deployment_status: state } = afterJudgement(row, judged)
        if (judged.change === null || judged.events.length === 0) return
        if (isEnded(state)) expect(judged.change.result_message).toMatch(/\S/)
        else {
          const { deadline_ms, not_before_ms } = judged.change
          expect(deadline_ms ?? not_before_ms).toBeGreaterThanOrEqual(NOW_MS)
        }
      }),
      MANY,
    )
  })
})
