import { describe, expect, it } from 'vitest'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { DeviceId, TargetId } from '#shared/domain/ids.ts'
import { plan, type PlanDevice, type PlanTarget, type Snapshot } from './plan.ts'

const NOW = 1_000_000_000
const aDevice = (change: Partial<PlanDevice> = {}): PlanDevice => ({
  name: 'LAB-01',
  reachability: 'online',
  offlineAtMs: NOW - 1,
  lastSignMs: NOW,
  busyElsewhere: false,
  isRestarting: false,
  refused: false,
  ...change,
})
const aTarget = (id: number, change: Partial<PlanTarget> = {}): PlanTarget => ({
  id: id as TargetId,
  deviceId: id as DeviceId,
  position: 0,
  state: 'pending',
  reason: null,
  sinceMs: NOW,
  offeredAtMs: null,
  offeredBefore: false,
  notBeforeMs: null,
  deadlineMs: null,
  held: null,
  cancelSentAtMs: null,
  wave: 1,
  missingDependency: null,
  needs: [],
  installer: { state: 'ready' },
  ...change,
})
function aSnapshot(
  targets: PlanTarget[],
  devices: Record<number, PlanDevice> = {},
  change: Partial<Snapshot['deployment']> = {},
): Snapshot {
  return {
    deployment: {
      status: 'in_progress',
      paused: false,
      canceling: false,
      maxConcurrent: 50,
      offlinePolicy: 'fail',
      waitMs: 3_600_000,
      wave: 1,
      waveEndedAtMs: null,
      restBetweenWavesMs: 0,
      threshold: null,
      round: { completed: 0, failed: 0 },
      readySinceMs: null,
      scheduledAtMs: null,
      window: null,
      ...change,
    },
    targets,
    devices: new Map(targets.map((t) => [t.deviceId, devices[t.deviceId] ?? aDevice()])),
    leaseMs: 120_000,
    cancelAgainMs: 30_000,
  }
}
const offline = aDevice({ reachability: 'offline', lastSignMs: NOW - 60_000 })

describe('plan', () => {
  it('starts a pending deployment and offers every free device its target', () => {
    expect(
      plan(aSnapshot([aTarget(1), aTarget(2)], {}, { status: 'pending' }), NOW).actions,
    ).toEqual([{ type: 'start' }, { type: 'offer', targetId: 1 }, { type: 'offer', targetId: 2 }])
  })

  it('plans nothing for a deployment that has ended', () => {
    for (const status of ['completed', 'failed', 'partial', 'canceled'] as const)
      expect(plan(aSnapshot([aTarget(1)], {}, { status }), NOW)).toMatchObject({
        actions: [],
        wakeAtMs: null,
        more: false,
      })
  })

  it('concludes when nothing is left to run', () => {
    expect(plan(aSnapshot([]), NOW).actions).toEqual([{ type: 'conclude' }])
  })

  it('fails the target of an offline device and continues with the others', () => {
    expect(plan(aSnapshot([aTarget(1), aTarget(2)], { 1: offline }), NOW).actions).toEqual([
      {
        type: 'fail',
        targetId: 1,
        reason: 'offline',
        text: coded('offline', { device: 'LAB-01' }),
      },
      { type: 'offer', targetId: 2 },
    ])
  })

  it('waits for a device that may be about to connect, and wakes when that time is over', () => {
    const connecting = aDevice({ reachability: 'connecting', offlineAtMs: NOW + 5_000 })
    expect(plan(aSnapshot([aTarget(1)], { 1: connecting }), NOW)).toMatchObject({
      actions: [{ type: 'wait', targetId: 1, reason: 'connecting' }],
      wakeAtMs: NOW + 5_000,
    })
  })

  it('waits for an offline device as long as the deployment allows, then fails', () => {
    const waiting = aSnapshot(
      [aTarget(1)],
      { 1: offline },
      { offlinePolicy: 'wait', waitMs: 60_000 },
    )
    expect(plan(waiting, NOW)).toMatchObject({
      actions: [{ type: 'wait', targetId: 1, reason: 'waiting_for_device' }],
      wakeAtMs: NOW + 60_000,
    })
    expect(plan(waiting, NOW + 60_000).actions).toEqual([
      {
        type: 'fail',
        targetId: 1,
        reason: 'offline',
        text: coded('not_online_in_time', { device: 'LAB-01', n: 1 }),
      },
      { type: 'conclude' },
    ])
  })

  it('sets the reason of a waiting target only once', () => {
    const again = aTarget(1, { reason: 'waiting_for_device' })
    expect(
      plan(aSnapshot([again], { 1: offline }, { offlinePolicy: 'wait' }), NOW).actions,
    ).toEqual([])
  })

  it('never runs on more devices at the same time than allowed', () => {
    const targets = [
      aTarget(1, { state: 'installing' }),
      aTarget(2, { offeredAtMs: NOW }),
      aTarget(3),
      aTarget(4),
    ]
    expect(plan(aSnapshot(targets, {}, { maxConcurrent: 3 }), NOW).actions).toEqual([
      { type: 'offer', targetId: 3 },
      { type: 'wait', targetId: 4, reason: 'waiting_for_wave' },
    ])
  })

  it('runs the packages of one device one after another, in their order', () => {
    const device = 9 as DeviceId
    const second = aTarget(1, { deviceId: device, position: 1 })
    const first = aTarget(2, { deviceId: device, position: 0 })
    expect(plan(aSnapshot([second, first]), NOW).actions).toEqual([
      { type: 'wait', targetId: 1, reason: 'device_busy' },
      { type: 'offer', targetId: 2 },
    ])
  })

  it('waits for a device on which another deployment works', () => {
    expect(
      plan(aSnapshot([aTarget(1)], { 1: aDevice({ busyElsewhere: true }) }), NOW).actions,
    ).toEqual([{ type: 'wait', targetId: 1, reason: 'device_busy' }])
  })

  it('skips targets without an installer, and devices that were removed', () => {
    const targets = [aTarget(1, { installer: { state: 'none' } }), aTarget(2)]
    expect(plan(aSnapshot(targets, { 2: aDevice({ refused: true }) }), NOW).actions).toMatchObject([
      { type: 'skip', targetId: 1, reason: 'no_installer' },
      { type: 'skip', targetId: 2, reason: 'device_deleted' },
      { type: 'conclude' },
    ])
  })

  it('waits while the controller fetches the package, and fails with its reason when the fetch fails', () => {
    expect(
      plan(aSnapshot([aTarget(1, { installer: { state: 'fetching' } })]), NOW).actions,
    ).toEqual([])
    const failed = aTarget(1, {
      installer: { state: 'failed', reason: 'invalid_url', text: coded('package_not_fetched', {}) },
    })
    expect(plan(aSnapshot([failed]), NOW).actions[0]).toEqual({
      type: 'fail',
      targetId: 1,
      reason: 'invalid_url',
      text: coded('package_not_fetched', {}),
    })
  })

  it('gives up a running target whose device was not seen for a lease', () => {
    const silent = aDevice({ reachability: 'offline', lastSignMs: NOW - 120_000 })
    expect(
      plan(aSnapshot([aTarget(1, { state: 'installing' })], { 1: silent }), NOW).actions,
    ).toMatchObject([{ type: 'fail', targetId: 1, reason: 'lease_expired' }, { type: 'conclude' }])
    const briefly = aDevice({ reachability: 'offline', lastSignMs: NOW - 119_999 })
    expect(
      plan(aSnapshot([aTarget(1, { state: 'installing' })], { 1: briefly }), NOW),
    ).toMatchObject({
      actions: [],
      wakeAtMs: NOW + 1,
    })
  })

  it('sends a lost download again when the deployment may wait for the device', () => {
    const silent = aDevice({ reachability: 'offline', lastSignMs: NOW - 120_000 })
    const downloading = aSnapshot(
      [aTarget(1, { state: 'downloading' })],
      { 1: silent },
      { offlinePolicy: 'wait' },
    )
    expect(plan(downloading, NOW).actions).toEqual([
      { type: 'requeue', targetId: 1, reason: 'waiting_for_device' },
    ])
  })

  it('gives up on a command that is never answered, and on a result that never comes', () => {
    const late = [
      aTarget(1, { offeredBefore: true, deadlineMs: NOW }),
      aTarget(2, { state: 'installing', deadlineMs: NOW }),
    ]
    expect(plan(aSnapshot(late), NOW).actions).toMatchObject([
      { type: 'fail', targetId: 1, reason: 'lease_expired' },
      { type: 'fail', targetId: 2, reason: 'lease_expired' },
      { type: 'conclude' },
    ])
  })

  it('offers nothing while paused', () => {
    expect(plan(aSnapshot([aTarget(1)], {}, { paused: true }), NOW).actions).toEqual([
      { type: 'wait', targetId: 1, reason: 'paused' },
    ])
  })

  it('cancels what has not started, asks agents to stop what has, and concludes only when everything has ended', () => {
    const targets = [
      aTarget(1),
      aTarget(2, { state: 'installing' }),
      aTarget(3, { offeredAtMs: NOW, offeredBefore: true }),
    ]
    const { actions } = plan(aSnapshot(targets, {}, { canceling: true }), NOW)
    expect(actions).toMatchObject([
      { type: 'skip', targetId: 1, reason: 'canceled' },
      { type: 'send_cancel', targetId: 2 },
      { type: 'send_cancel', targetId: 3 },
    ])
  })

  it('does not cancel a target on its own while an agent may have the command', () => {
    const held = aTarget(1, { offeredBefore: true })
    const justGone = aDevice({ reachability: 'offline', lastSignMs: NOW - 1_000 })
    expect(plan(aSnapshot([held], { 1: justGone }, { canceling: true }), NOW)).toMatchObject({
      actions: [],
      wakeAtMs: NOW + 119_000,
    })
  })

  it('does not count time in which the PC is away towards the timeout for an answer', () => {
    const offered = aTarget(1, { offeredBefore: true, deadlineMs: NOW - 1 })
    const waits = { offlinePolicy: 'wait', readySinceMs: NOW } as const
    expect(plan(aSnapshot([offered], { 1: offline }, waits), NOW).actions).toMatchObject([
      { type: 'wait', reason: 'waiting_for_device' },
    ])
    expect(plan(aSnapshot([offered], {}, waits), NOW).actions[0]).toMatchObject({
      type: 'fail',
      reason: 'lease_expired',
    })
  })

  it('keeps the place of a PC whose answer was lost, even while another deployment works on it', () => {
    const lost = aTarget(1, { offeredBefore: true, deadlineMs: NOW + 1 })
    const elsewhere = aDevice({ busyElsewhere: true })
    const { actions } = plan(
      aSnapshot([lost, aTarget(2)], { 1: elsewhere }, { maxConcurrent: 1 }),
      NOW,
    )
    expect(actions).toEqual([
      { type: 'wait', targetId: 1, reason: 'device_busy' },
      { type: 'wait', targetId: 2, reason: 'waiting_for_wave' },
    ])
  })
})

describe('a target that its PC defers', () => {
  const held = { by: 'on_battery', sinceMs: NOW } as const
  const aHeld = (change: Partial<PlanTarget> = {}) =>
    aTarget(1, { held, offeredBefore: true, notBeforeMs: NOW + 25_000, ...change })
  const actionsAt = (ms: number, target = aHeld(), change: Partial<Snapshot['deployment']> = {}) =>
    plan(aSnapshot([target], {}, change), NOW + ms)

  it('waits, is offered again after a while, and does not count as unanswered', () => {
    const { actions, wakeAtMs } = actionsAt(1_000)
    expect(actions).toEqual([{ type: 'wait', targetId: 1, reason: 'retry_later' }])
    expect(wakeAtMs).toBe(NOW + 25_000)
    expect(actionsAt(26_000).actions).toEqual([{ type: 'offer', targetId: 1 }])
  })
  it('fails with advice once it was held for as long as the deployment waits', () => {
    const later = aHeld({ notBeforeMs: NOW + 3_599_000 })
    expect(actionsAt(3_599_999, later).actions).toEqual([{ type: 'offer', targetId: 1 }])
    expect(actionsAt(3_600_000, later).actions).toEqual([
      {
        type: 'fail',
        targetId: 1,
        reason: 'rejected_by_agent',
        text: coded('on_battery_too_long', { device: 'LAB-01', n: 60 }),
      },
      { type: 'conclude' },
    ])
  })
  it('does not fail while the deployment is paused, and starts its wait again at the resume', () => {
    expect(actionsAt(9_000_000, aHeld(), { paused: true }).actions).toEqual([
      { type: 'wait', targetId: 1, reason: 'paused' },
    ])
    const resumed = { readySinceMs: NOW + 9_000_000 }
    expect(actionsAt(9_000_001, aHeld(), resumed).actions).toEqual([{ type: 'offer', targetId: 1 }])
  })
  it('takes no place among the running targets', () => {
    const others = [aTarget(2), aTarget(3)]
    const { actions } = plan(aSnapshot([aHeld(), ...others], {}, { maxConcurrent: 2 }), NOW)
    expect(actions.filter((action) => action.type === 'offer')).toHaveLength(2)
  })
})
