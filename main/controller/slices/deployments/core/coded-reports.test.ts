import { describe, expect, it } from 'vitest'
import { CommandReply, DeploymentResult } from '#shared/contract/agent/link.ts'
import type { AttemptId, DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import type { ReportedRow } from '../tables/rows.ts'
import { ENGINE_TIMINGS } from '../timings.ts'
import type { ReportContext } from './judgement.ts'
import { judgeReport, type AttemptReport } from './report.ts'

const ATTEMPT = 'a'.repeat(32) as AttemptId
const row: ReportedRow = {
  id: 7 as TargetId,
  target_id: 7 as TargetId,
  deployment_id: 1 as DeploymentId,
  device_id: 3 as DeviceId,
  installer_id: null,
  deployment_status: 'pending',
  reason: null,
  started_at: null,
  attempt_ended_at: null,
  attempt_reason: null,
  retry_until_ms: null,
  held_since_ms: null,
  attempt_id: ATTEMPT,
  attempt: 1,
  live_attempt_id: ATTEMPT,
  live_attempt: 1,
}
const judge = (report: AttemptReport, context: ReportContext | null = null) =>
  judgeReport(row, report, context, 0, ENGINE_TIMINGS)
const resultOf = (part: object) =>
  DeploymentResult.parse({
    deployment_id: 1,
    target_id: 7,
    attempt: 1,
    attempt_id: ATTEMPT,
    status: 'failed',
    message: 'the words of the agent',
    ...part,
  })
const CONTEXT: ReportContext = {
  ...{ isCanceling: false, timeoutSeconds: null, fileFault: null, isForOneUser: false },
}
const kept = { result_message: 'the words of the agent', result_code: null, result_params: null }

describe('the result of an agent', () => {
  it('is stored as code and parameters, and its text follows from them', () => {
    const body = resultOf({
      result_code: 'installer_failed',
      result_params: { kind: 'msi', exit_code: 1603 },
    })
    const { change, end } = judge({ kind: 'result', body })
    const text = 'The installer failed with exit code 1603: fatal error during installation.'
    const code = {
      result_code: 'installer_failed',
      result_params: '{"kind":"msi","exit_code":1603}',
    }
    expect(change).toMatchObject({ result_message: text, ...code })
    expect(end).toMatchObject({ message: text, ...code })
  })
  it.each([
    ['no code', {}],
    ['a code of a newer version', { result_code: 'invented_later', result_params: { a: 1 } }],
    ['a parameter of a newer version', { result_code: 'disk_full', result_params: { also: 1 } }],
    ['a missing parameter', { result_code: 'installer_failed', result_params: { kind: 'msi' } }],
    ['a code that is no text', { result_code: { a: 1 }, result_params: {} }],
    ['parameters that are no texts', { result_code: 'agent_failed', result_params: { error: {} } }],
    [
      'an endless parameter',
      { result_code: 'agent_failed', result_params: { error: 'x'.repeat(9_999) } },
    ],
  ])('keeps its text if it has %s', (_what, part) => {
    expect(judge({ kind: 'result', body: resultOf(part) }).change).toMatchObject(kept)
  })
  it('has no control characters in its parameters', () => {
    const body = resultOf({ result_code: 'agent_failed', result_params: { error: 'a\u001b[31mb' } })
    expect(judge({ kind: 'result', body }).change?.result_message).toBe(
      'The agent failed: a\ufffd[31mb',
    )
  })
  it.each([
    ['installed', { exit_code: 0 }, 'Installed. Exit code 0. It installs for one user:'],
    ['installed_restart', { exit_code: 3010 }, 'It installs for one user:'],
    ['installed_despite_timeout', { seconds: 9 }, 'It installs for one user:'],
    ['installed_despite_interruption', {}, 'It installs for one user:'],
    ['installed_despite_signal', {}, 'It installs for one user:'],
    ['installed_despite_exit_code', { kind: 'msi', exit_code: 5 }, 'It installs for one user:'],
    [undefined, undefined, 'the words of the agent It installs for one user:'],
  ])('says with %s that it was for one user', (result_code, result_params, words) => {
    const sent = { status: 'success', result_code, result_params }
    const report = { kind: 'result' as const, body: resultOf(sent) }
    const { change, end } = judge(report, { ...CONTEXT, isForOneUser: true })
    expect(change?.result_message).toContain(words)
    expect(end?.message).toContain(words)
    expect(judge(report, CONTEXT).change?.result_message).not.toContain('one user')
    const failed = { kind: 'result' as const, body: resultOf({ result_code: 'disk_full' }) }
    expect(judge(failed, { ...CONTEXT, isForOneUser: true }).change?.result_message).not.toContain(
      'one user',
    )
  })
  it('gives way to the fault of the controller’s own file, with the code of that', () => {
    const body = resultOf({ reason: 'integrity', result_code: 'package_too_long' })
    const context = { ...CONTEXT, fileFault: 'damaged' as const }
    expect(judge({ kind: 'result', body }, context).change).toMatchObject({
      result_code: 'file_damaged',
      error_details: 'The package is longer than expected.',
    })
  })
})

describe('the refusal of an agent', () => {
  const refusal = (part: object) =>
    judge({
      kind: 'reply',
      reply: CommandReply.parse({ accepted: false, why: 'unsupported', message: 'No.', ...part }),
    }).change
  it('is stored with its code', () => {
    expect(refusal({ code: 'kind_unsupported', params: { kind: 'msi' } })).toMatchObject({
      result_message: 'The agent refused the command: This PC does not run .msi installers.',
      result_code: 'refused',
      result_params: '{"refusal":"kind_unsupported","kind":"msi"}',
    })
  })
  it.each([
    {},
    { code: 'invented_later', params: {} },
    { code: 'kind_unsupported', params: {} },
    { params: { refusal: 'kind_unsupported', kind: 'msi' } },
  ])('keeps its words if the code is not known: %j', (part) => {
    expect(refusal(part)).toMatchObject({
      result_message: 'The agent refused the command: No.',
      result_code: 'refused',
      result_params: '{"sentence":"No."}',
    })
  })
})
