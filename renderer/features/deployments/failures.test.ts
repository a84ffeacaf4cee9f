import { describe, expect, it } from 'vitest'
import { clusterFailures } from './failures.ts'
import { explainTarget, nextStep } from './reasons.ts'
import { aTarget } from '../../test-kit.ts'

const failed = (id: number, device_name: string, change: object) =>
  aTarget({ id, device_name, deployment_status: 'failed', ...change })

describe('failure clusters', () => {
  it('groups the same exit code of the same installer kind, largest cluster first', () => {
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
  it('separates the same exit code of different installer kinds', () => {
    const clusters = clusterFailures([
      failed(1, 'A', { reason: 'install_failed', exit_code: 1, installer_kind: 'deb' }),
      failed(2, 'B', { reason: 'install_failed', exit_code: 1, installer_kind: 'pkg' }),
    ])
    expect(clusters).toHaveLength(2)
  })
  it('advises to wait when another installation was running', () =>
    expect(nextStep(failed(1, 'A', { reason: 'install_failed', exit_code: 1618 }))).toMatch(
      /^Wait/,
    ))
  it('is empty when nothing failed', () => expect(clusterFailures([aTarget()])).toEqual([]))
})

describe('the explanation of a target', () => {
  it('prefers the reason when the exit code did not decide the outcome', () =>
    expect(explainTarget(failed(1, 'A', { reason: 'timeout', exit_code: 143 }))).toBe(
      'the installer did not end in time',
    ))
  it('mentions a required restart', () =>
    expect(explainTarget(aTarget({ deployment_status: 'completed', exit_code: 3010 }))).toBe(
      'installed, a restart is needed',
    ))
  it('states why the PC defers work, and the next step after it was deferred for too long', () => {
    const held = aTarget({ reason: 'retry_later', held_by: 'on_battery' })
    expect(explainTarget(held)).toBe('because the PC is on battery power')
    expect(explainTarget(aTarget({ reason: 'paused', held_by: 'on_battery' }))).toBe(
      'until it is resumed',
    )
    const given = failed(1, 'A', { reason: 'rejected_by_agent', held_by: 'on_metered' })
    expect(explainTarget(given)).toBe('the PC was on a metered network')
    expect(nextStep(given)).toMatch(/^Connect it to another network, then retry/)
  })
  it("falls back to the agent's message", () =>
    expect(explainTarget(failed(1, 'A', { result_message: 'the disk melted' }))).toBe(
      'the disk melted',
    ))
})
