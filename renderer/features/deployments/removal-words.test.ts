/** Removals must read as removals everywhere, never as installations. */
import { describe, expect, it } from 'vitest'
import { Attempt, Preflight } from '#shared/contract/rest/deployments.ts'
import { TargetReason } from '#shared/domain/reasons.ts'
import { attemptInWords } from './attempts.ts'
import { groupPreflight } from '../wizard/preflight.ts'
import { exitInWords, explainBeside, explainTarget, nextStep, reasonText } from './reasons.ts'
import { isRemoval, stateInWords, whatInWords } from './removal-words.ts'
import { noticeOf } from './rollout-words.ts'
import { countsInWords, lookOfDeployment, lookOfTarget } from '../../ui/lib/states.ts'
import { cancelQuestion, stopQuestion } from './stop-words.ts'
import { aDeployment, aTarget } from '../../test-kit.ts'
import { verdictInWords } from '../dashboard/verdict.ts'

const counts = { ...aDeployment().counts, total: 4, pending: 1, installing: 2, completed: 1 }
const removal = (change: object = {}) =>
  aDeployment({
    action: 'uninstall',
    name: 'Friday',
    software_names: ['7-Zip 24.08', 'VLC'],
    counts,
    ...change,
  })
const target = (change: object = {}) => aTarget({ action: 'uninstall', ...change })

describe('a removal', () => {
  it('names what it removes', () => {
    expect(whatInWords(removal())).toBe('Remove 7-Zip 24.08, VLC')
    expect(whatInWords(aDeployment())).toBe('VLC')
    expect([isRemoval(removal()), isRemoval(aDeployment())]).toEqual([true, false])
  })
  it('is shown as removing while it runs, and keeps every other state', () => {
    expect(lookOfDeployment(removal()).label).toBe('Removing')
    expect(lookOfDeployment(removal({ paused: true })).label).toBe('Paused')
    expect(lookOfDeployment(removal({ status: 'completed' })).label).toBe('Completed')
    expect(stateInWords(removal())).toBe('Removing')
    expect(stateInWords(removal({ status: 'partial' }))).toBe('Removal, partly failed')
    expect(stateInWords(aDeployment({ status: 'partial' }))).toBe('Partly failed')
  })
  it('counts what it removes', () =>
    expect(countsInWords(counts, 'uninstall').map((c) => c.text)).toEqual([
      '1 completed',
      '2 removing',
      '1 waiting',
    ]))
  it('ends as a removal', () => {
    const done = { success_count: 3, failure_count: 1, skipped_count: 0 }
    const words = (status: 'partial' | 'canceled') =>
      verdictInWords({ status, action: 'uninstall', ...done })
    expect(words('partial')).toBe('Removal: 3 completed, 1 failed')
    expect(words('canceled')).toBe('Removal cancelled: 3 completed, 1 failed')
  })
  it('explains which removals a cancellation lets finish', () => {
    expect(cancelQuestion(removal())).toMatchObject({
      title: 'Cancel this removal?',
      text: '1 PC is waiting or downloading: its work stops. 2 PCs are removing software: the removals continue to their end, and the results are recorded.',
      action: 'Cancel removal',
    })
    expect(cancelQuestion(removal({ counts: { ...counts, installing: 0 } })).text).toContain(
      'removed software stays removed',
    )
    expect(noticeOf(removal({ canceling: true }), 0)?.text).toMatch(/^2 running removals continue/)
  })
  it('leaves the confirmation for an installation unchanged', () =>
    expect(cancelQuestion(aDeployment({ counts }))).toMatchObject({
      title: 'Cancel this deployment?',
      text: '1 PC is waiting or downloading: its work stops. 2 PCs are installing: their installers continue to their end, and the results are recorded.',
      action: 'Cancel deployment',
    }))
  it('is marked in the emergency stop', () => {
    const { text } = stopQuestion([aDeployment({ name: 'Office', counts }), removal()])
    expect(text).toContain('Office, Friday (removal).')
    expect(text).toContain('2 running installers continue to their end')
    expect(text).toContain('2 running removals continue to their end')
  })
})

describe('a target of a removal', () => {
  it('is removing, not installing', () => {
    expect(lookOfTarget(target({ deployment_status: 'installing' })).label).toBe('Removing')
    expect(lookOfTarget(aTarget({ deployment_status: 'installing' })).label).toBe('Installing')
  })
  it('is reported as removed on success, without repeating the label', () => {
    const done = target({ deployment_status: 'completed', exit_code: 0 })
    expect(explainTarget(done)).toBe('removed')
    expect(explainBeside(done, lookOfTarget(done))).toBe('')
    const restart = target({ deployment_status: 'completed', exit_code: 3010 })
    expect(explainTarget(restart)).toBe('removed, a restart is needed')
    expect(
      explainTarget(target({ deployment_status: 'completed', reason: 'reboot_pending' })),
    ).toBe('removed, a restart is needed')
  })
  it('is reported as not installed when there was nothing to remove', () =>
    expect(
      explainTarget(target({ deployment_status: 'skipped', reason: 'already_installed' })),
    ).toBe('not installed'))
  it('fails as a removal', () => {
    const failed = (change: object) => target({ deployment_status: 'failed', ...change })
    expect(explainTarget(failed({ reason: 'not_detected' }))).toContain('still there')
    expect(exitInWords(failed({ reason: 'install_failed', exit_code: 1603 }))).toBe(
      '1603: fatal error during the removal',
    )
    expect(nextStep(failed({ reason: 'timeout' }))).toContain('remove the software by hand')
  })
  it('has no reason that mentions an installation', () => {
    for (const reason of TargetReason.options)
      expect(reasonText(reason, 'uninstall').text, reason).not.toMatch(
        /^installed|lacks permission to install|the installer (reported|ended|did)|^already installed/,
      )
  })
  it('has attempts that are removals', () => {
    const attempt = Attempt.parse({
      attempt: 1,
      created_at: '2026-11-23T10:00:00.000Z',
      ended_at: '2026-11-23T10:01:00.000Z',
      status: 'success',
      reason: null,
      message: null,
      exit_code: 0,
    })
    expect(attemptInWords(attempt, target())).toBe('Removed')
    const runs = { ...attempt, ended_at: null, status: null, exit_code: null }
    expect(attemptInWords(runs, target({ deployment_status: 'installing' }))).toBe('Removing')
  })
  it('is skipped in the review when the software is not installed', () => {
    const preflight = Preflight.parse({
      targets: [
        {
          device_id: 1,
          device_name: 'PC-1',
          software_id: 1,
          software_name: 'VLC',
          outcome: 'will_skip',
          reason: 'already_installed',
          message: 'VLC is not installed.',
          size_bytes: null,
          live: true,
          restart: 'never',
          restart_note: null,
        },
      ],
      waves: [],
      device_count: 1,
      software_count: 1,
      total_bytes: 0,
    })
    const causes = (action: 'install' | 'uninstall') =>
      groupPreflight(preflight, action).flatMap((g) => g.causes.map((c) => c.message))
    expect(causes('uninstall')).toEqual(['Not installed'])
    expect(causes('install')).toEqual(['Already installed'])
  })
})
