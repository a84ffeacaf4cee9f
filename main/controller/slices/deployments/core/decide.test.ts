import { describe, expect, it } from 'vitest'
import { DEPLOYMENT_STATES, type DeploymentState } from '#shared/domain/deployment-state.ts'
import type { DeploymentId, TargetId } from '#shared/domain/ids.ts'
import type { TargetRow } from '../tables/rows.ts'
import { cancel, chooseRetried, pause, resume, retry, stopAll } from './decide.ts'
import { deploymentStateAfter, type Writes } from './writes.ts'

const NOW_MS = Date.parse('2026-05-01T12:00:00Z')
const row = (status: DeploymentState, flags: { canceling?: boolean; paused?: boolean } = {}) => ({
  id: 1 as DeploymentId,
  status,
  canceling: false,
  paused: false,
  reboot: 'never' as const,
  ...flags,
})
const failedTarget = (id: number) =>
  ({
    id: id as TargetId,
    deployment_id: 1 as DeploymentId,
    deployment_status: 'failed',
    attempt: 2,
    installer_id: null,
  }) as TargetRow
const stateAfter = ({ deployments }: Writes) =>
  deployments.map(({ from, event }) => deploymentStateAfter(from, event))

describe('decisions', () => {
  it.each(DEPLOYMENT_STATES)('cancel only what has not ended: %s', (status) => {
    if (status === 'pending' || status === 'in_progress')
      expect(cancel(row(status, { paused: true })).deployments).toMatchObject([
        { change: { canceling: true, paused: false } },
      ])
    else expect(() => cancel(row(status))).toThrow(/has ended already/)
  })

  it('stop all that is active, once', () => {
    const rows = [row('in_progress'), row('pending'), row('completed')]
    const stopped = stopAll([...rows, row('in_progress', { canceling: true })])
    expect(stopped.deployments.map(({ from }) => from)).toEqual(['in_progress', 'pending'])
  })

  it('pause only a deployment that runs', () => {
    expect(pause(row('in_progress'), 'anna')?.deployments).toMatchObject([
      { event: null, change: { paused: true, pause_message: 'Paused by anna.' } },
    ])
    expect(pause(row('in_progress', { paused: true }), 'anna')).toBeNull()
    expect(() => pause(row('pending'), 'anna')).toThrow(/not started yet/)
    expect(() => pause(row('in_progress', { canceling: true }), 'anna')).toThrow(/not running/)
    expect(() => pause(row('failed'), 'anna')).toThrow(/not running/)
  })

  it('resume with a new round', () => {
    expect(resume(row('in_progress', { paused: true }), NOW_MS).deployments).toMatchObject([
      { change: { paused: false, round_failed: 0, ready_since_ms: NOW_MS } },
    ])
    expect(() => resume(row('in_progress'), NOW_MS)).toThrow(/not paused/)
  })

  it.each<[DeploymentState, DeploymentState]>([
    ['in_progress', 'in_progress'],
    ['failed', 'in_progress'],
    ['partial', 'in_progress'],
    ['canceled', 'in_progress'],
  ])('a retry of a deployment that is %s leaves it %s, with a fresh attempt', (before, after) => {
    const writes = retry(row(before), [failedTarget(7)], NOW_MS)
    expect(stateAfter(writes)).toEqual([after])
    expect(writes.targets).toMatchObject([
      { events: ['retried'], change: { attempt: 3, attempt_id: null, reason: null } },
    ])
  })

  it('retry the failed targets, or the chosen ones, and name those that have not failed', () => {
    const failed = [failedTarget(7), failedTarget(8)]
    expect(chooseRetried(row('failed'), failed, undefined)).toEqual(failed)
    const twice = [8, 8] as TargetId[]
    expect(chooseRetried(row('failed'), failed, twice)).toEqual([failed[1]])
    expect(() => chooseRetried(row('failed'), failed, [9 as TargetId])).toThrow(
      expect.objectContaining({ details: [expect.objectContaining({ path: '/target_ids/0' })] }),
    )
    expect(() => chooseRetried(row('failed'), [], undefined)).toThrow(/No target/)
    expect(() => chooseRetried(row('completed'), failed, undefined)).toThrow(/cannot be retried/)
    expect(() => chooseRetried(row('in_progress', { canceling: true }), failed, undefined)).toThrow(
      /being cancelled/,
    )
  })
})
