import { describe, expect, it } from 'vitest'
import { Attempt } from '#shared/contract/rest/deployments.ts'
import { attemptInWords, lookOfAttempt } from './attempts.ts'
import { aDeployment, aTarget } from '../../test-kit.ts'
import { stopQuestion } from './stop-words.ts'

const attempt = (change: object = {}) =>
  Attempt.parse({
    attempt: 1,
    created_at: '2026-11-23T10:00:00.000Z',
    ended_at: '2026-11-23T10:01:00.000Z',
    status: 'failed',
    reason: 'install_failed',
    message: 'exit 1618',
    exit_code: 1618,
    ...change,
  })

describe('an attempt', () => {
  const target = aTarget({ deployment_status: 'installing', attempt: 2 })
  it("explains its own exit code, regardless of the target's current state", () =>
    expect(attemptInWords(attempt(), target)).toBe('1618: another installation is running'))
  it('is shown like its target while it runs', () => {
    const runs = attempt({ status: null, reason: null, message: null, exit_code: null })
    expect(attemptInWords(runs, target)).toBe('Installing')
    expect(lookOfAttempt(runs, target).tone).toBe('running')
  })
  it('gives the reason when the installer never ran', () =>
    expect(attemptInWords(attempt({ exit_code: null, reason: 'offline' }), target)).toBe(
      'The PC is offline',
    ))
  it('is reported as installed when it succeeded', () =>
    expect(
      attemptInWords(
        attempt({ status: 'success', reason: null, message: null, exit_code: 0 }),
        target,
      ),
    ).toBe('Installed'))
})

describe('the emergency stop', () => {
  const running = (name: string, change: object = {}) =>
    aDeployment({
      name,
      counts: {
        ...aDeployment().counts,
        total: 5,
        pending: 2,
        downloading: 1,
        installing: 2,
        ...change,
      },
    })
  it('counts the PCs that stop and those that finish, across all deployments', () => {
    const { title, text, action } = stopQuestion(['A', 'B', 'C', 'D'].map((n) => running(n)))
    expect(title).toBe('Stop all 4 deployments?')
    expect(text).toContain('A, B, C and 1 more.')
    expect(text).toContain('12 PCs are waiting or downloading: their work stops.')
    expect(text).toContain('8 running installers continue to their end')
    expect(action).toBe('Stop 4 deployments')
  })
  it('states that no installer is running', () =>
    expect(stopQuestion([running('A', { installing: 0 })]).text).toContain('No installer'))
})
