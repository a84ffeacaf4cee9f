import { describe, expect, it } from 'vitest'
import { clusterFailures } from './failures.ts'
import { explainTarget, nextStep } from './reasons.ts'
import { aTarget } from '../../test-kit.ts'

const failed = (id: number, device_name: string, change: object) =>
  aTarget({ id, device_name, deployment_status: 'failed', ...change })

describe('clusters of failures', () => {
  it('puts the same exit code of the same kind together, the largest cluster first', () => {
    const clusters = clusterFailures([
      failed(1, 'PC-10', { reason: 'install_failed', exit_code: 1618 }),
      failed(2, 'PC-2', { reason: 'install_failed', exit_code: 1618 }),
      failed(3, 'PC-3', { reason: 'offline' }),
      aTarget({ id: 4, deployment_status: 'completed', exit_code: 0 }),
    ])
    expect(clusters.map((c) => c.cause)).toEqual([
      '1618: another installation is running',
      'the PC is offline',
    ])
    expect(clusters[0]?.targets.map((t) => t.device_name)).toEqual(['PC-2', 'PC-10'])
  })
  it('keeps the same number of different installers apart: it means something else', () => {
    const clusters = clusterFailures([
      failed(1, 'A', { reason: 'install_failed', exit_code: 1, installer_kind: 'deb' }),
      failed(2, 'B', { reason: 'install_failed', exit_code: 1, installer_kind: 'pkg' }),
    ])
    expect(clusters).toHaveLength(2)
  })
  it('advises patience where another installation was at work', () =>
    expect(nextStep(failed(1, 'A', { reason: 'install_failed', exit_code: 1618 }))).toMatch(
      /^Wait/,
    ))
  it('has nothing to show when nothing failed', () =>
    expect(clusterFailures([aTarget()])).toEqual([]))
})

describe('a target explained', () => {
  it('prefers the reason where the exit code did not decide', () =>
    expect(explainTarget(failed(1, 'A', { reason: 'timeout', exit_code: 143 }))).toBe(
      'the installer did not end in time',
    ))
  it('tells of a restart that is needed', () =>
    expect(explainTarget(aTarget({ deployment_status: 'completed', exit_code: 3010 }))).toBe(
      'installed, a restart is needed',
    ))
  it('says what holds its PC back, and what to do once it was held back for too long', () => {
    const held = aTarget({ reason: 'retry_later', held_by: 'on_battery' })
    expect(explainTarget(held)).toBe('the PC runs on its battery')
    expect(explainTarget(aTarget({ reason: 'paused', held_by: 'on_battery' }))).toBe(
      'until it is resumed',
    )
    const given = failed(1, 'A', { reason: 'rejected_by_agent', held_by: 'on_metered' })
    expect(explainTarget(given)).toBe('the PC was on a metered network')
    expect(nextStep(given)).toMatch(/^Connect it to another network, then retry/)
  })
  it('falls back to the message of the agent', () =>
    expect(explainTarget(failed(1, 'A', { result_message: 'the disk melted' }))).toBe(
      'the disk melted',
    ))
})
