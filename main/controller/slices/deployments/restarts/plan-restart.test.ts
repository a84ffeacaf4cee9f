import { describe, expect, it } from 'vitest'
import type { BootId } from '#shared/contract/agent/restart.ts'
import { ENGINE_TIMINGS } from '../timings.ts'
import {
  keepsBusy,
  planRestart,
  type PlanRestart,
  type PlanRestartDeployment,
  type PlanRestartDevice,
} from './plan-restart.ts'

const NOW = new Date(2026, 5, 17, 23, 0).getTime()
const BOOT = 'boot-1' as BootId
const MINUTE = 60_000
const HOUR = 60 * MINUTE

type Parts = {
  restart?: Partial<PlanRestart>
  deployment?: Partial<PlanRestartDeployment>
  device?: Partial<PlanRestartDevice>
}
const aSnapshot = ({ restart, deployment, device }: Parts = {}) => ({
  restart: {
    state: 'owed' as const,
    reason: null,
    withdrawalReason: null,
    bootId: BOOT,
    createdAtMs: NOW,
    readySinceMs: NOW,
    notBeforeMs: null,
    orderedAtMs: null,
    dueAtMs: null,
    askedAtMs: null,
    ...restart,
  },
  deployment: {
    status: 'completed' as const,
    reboot: 'if_needed' as const,
    canceling: false,
    paused: false,
    restartsCanceled: false,
    window: null,
    offlinePolicy: 'fail' as const,
    waitMs: HOUR,
    delayMs: 10 * MINUTE,
    ...deployment,
  },
  device: {
    name: 'PC-7',
    refused: false,
    reachability: 'online' as const,
    ability: { possible: true as const, boot_id: BOOT },
    works: false,
    isAwaited: false,
    restartsElsewhere: false,
    ...device,
  },
})
const planOf = (parts: Parts = {}, nowMs = NOW) =>
  planRestart(aSnapshot(parts), nowMs, ENGINE_TIMINGS)
const ordered = { state: 'ordered', orderedAtMs: NOW, dueAtMs: NOW + 10 * MINUTE } as const
const announced = { ...ordered, state: 'announced' } as const

describe('a pending restart', () => {
  it('is ordered once nothing prevents it', () => {
    expect(planOf()).toEqual({ type: 'order' })
  })

  it.each<[string, Parts, string]>([
    [
      'a package of the same deployment is still to come',
      { device: { isAwaited: true } },
      'device_busy',
    ],
    ['another deployment is at work there', { device: { works: true } }, 'device_busy'],
    [
      'the PC restarts for another deployment',
      { device: { restartsElsewhere: true } },
      'device_busy',
    ],
    ['the PC is offline', { device: { reachability: 'offline' } }, 'waiting_for_device'],
    ['the PC is about to connect', { device: { reachability: 'connecting' } }, 'connecting'],
    ['the deployment is paused', { deployment: { paused: true } }, 'paused'],
    [
      'its window is closed',
      { deployment: { window: { days: [0, 1, 2, 3, 4, 5, 6], start: '01:00', end: '05:00' } } },
      'waiting_for_window',
    ],
    [
      'the window closes before the notice ends',
      { deployment: { window: { days: [0, 1, 2, 3, 4, 5, 6], start: '22:00', end: '23:05' } } },
      'waiting_for_window',
    ],
    ['the agent reported that it is busy', { restart: { notBeforeMs: NOW + 1 } }, 'retry_later'],
  ])('waits while %s', (_why, parts, reason) => {
    expect(planOf(parts)).toEqual({ type: 'wait', reason })
    // The reason is set only once.
    const restart = { ...parts.restart, reason: reason as PlanRestart['reason'] }
    expect(planOf({ ...parts, restart })).toBeNull()
  })

  it.each<[string, Parts, string, string | null]>([
    [
      'its deployment never restarts PCs',
      { deployment: { reboot: 'never' } },
      'canceled',
      'restart_canceled',
    ],
    [
      'its deployment is being cancelled',
      { deployment: { canceling: true } },
      'canceled',
      'restart_canceled',
    ],
    [
      'its deployment was cancelled',
      { deployment: { status: 'canceled' } },
      'canceled',
      'restart_canceled',
    ],
    [
      'a person cancelled the restarts',
      { deployment: { restartsCanceled: true } },
      'canceled',
      'restart_canceled',
    ],
    ['the PC was blocked', { device: { refused: true } }, 'gave_up', 'restart_device_gone'],
    [
      'the agent is too old',
      { device: { ability: 'too_old' } },
      'impossible',
      'restart_agent_too_old',
    ],
    [
      'the agent cannot restart the PC',
      { device: { ability: { possible: false, why: 'no rights' } } },
      'impossible',
      null,
    ],
    [
      'it stayed away for a day',
      { device: { reachability: 'offline' }, restart: { readySinceMs: NOW - 24 * HOUR } },
      'gave_up',
      'restart_device_away',
    ],
    [
      'it was held back for two weeks',
      { deployment: { paused: true }, restart: { createdAtMs: NOW - 14 * 24 * HOUR } },
      'gave_up',
      'restart_not_ordered_in_time',
    ],
    [
      'the PC runs another boot',
      { device: { ability: { possible: true, boot_id: 'boot-2' } } },
      'restarted',
      'restarted_by_itself',
    ],
  ])('ends without an order when %s', (_why, parts, event, code) => {
    expect(planOf(parts)).toMatchObject({ type: 'end', event, note: { message_code: code } })
  })

  it('is not given up while its deployment holds it back', () => {
    const restart = { readySinceMs: NOW - 48 * HOUR }
    expect(planOf({ restart, deployment: { paused: true } })).toMatchObject({ type: 'wait' })
  })

  it('records the boot that it is to end first, and is not ordered without it', () => {
    expect(planOf({ restart: { bootId: null } })).toEqual({ type: 'note_boot', bootId: BOOT })
    expect(planOf({ restart: { bootId: null }, device: { ability: null } })).toEqual({
      type: 'wait',
      reason: 'connecting',
    })
  })

  it('counts its timeout from when nothing held it back', () => {
    expect(planOf({ restart: { readySinceMs: null } })).toEqual({ type: 'note_ready' })
    const patient = { offlinePolicy: 'wait', waitMs: 72 * HOUR } as const
    const away = { device: { reachability: 'offline' as const } }
    const restart = { readySinceMs: NOW - 48 * HOUR }
    expect(planOf({ ...away, restart, deployment: patient })).toMatchObject({ type: 'wait' })
  })
})

describe('an ordered restart', () => {
  it('is sent, and sent again when no answer came', () => {
    expect(planOf({ restart: ordered })).toEqual({ type: 'send' })
    expect(planOf({ restart: { ...ordered, askedAtMs: NOW - 29_000 } })).toBeNull()
    expect(planOf({ restart: { ...ordered, askedAtMs: NOW - 30_000 } })).toEqual({ type: 'send' })
    expect(planOf({ restart: ordered, device: { reachability: 'offline' } })).toBeNull()
  })

  it('is not sent again while its notice runs', () => {
    expect(planOf({ restart: announced })).toBeNull()
  })

  it('is done when the PC comes back in another boot, and not before', () => {
    const gone = { reachability: 'offline' as const }
    expect(planOf({ restart: announced, device: gone }, NOW + HOUR)).toBeNull()
    const back = { ability: { possible: true as const, boot_id: 'boot-2' as BootId } }
    expect(planOf({ restart: announced, device: back })).toMatchObject({ event: 'restarted' })
  })

  it.each<[string, Partial<PlanRestartDeployment>]>([
    ['its deployment is cancelled', { canceling: true }],
    ['a person cancels the restarts', { restartsCanceled: true }],
  ])('is withdrawn when %s', (_why, deployment) => {
    for (const restart of [ordered, announced])
      expect(planOf({ restart, deployment })).toEqual({ type: 'withdraw', why: 'canceled' })
    expect(planOf({ restart: { ...announced, withdrawalReason: 'canceled' }, deployment })).toEqual(
      {
        type: 'send',
      },
    )
  })

  it('is withdrawn when the PC is online long after its notice, so that it does not happen later', () => {
    const late = NOW + 25 * MINUTE
    expect(planOf({ restart: announced }, late - 1)).toBeNull()
    expect(planOf({ restart: announced }, late)).toEqual({ type: 'withdraw', why: 'overdue' })
  })

  it('is given up when its agent never answers, or the PC does not come back', () => {
    const silent = { ...ordered, withdrawalReason: 'overdue' as const, askedAtMs: NOW }
    expect(planOf({ restart: silent }, NOW + 40 * MINUTE)).toMatchObject({
      event: 'gave_up',
      note: { message_code: 'restart_not_confirmed' },
    })
    const device = { reachability: 'offline' as const }
    const day = NOW + 10 * MINUTE + 24 * HOUR
    expect(planOf({ restart: announced, device }, day - 1)).toBeNull()
    expect(planOf({ restart: announced, device }, day)).toMatchObject({
      event: 'gave_up',
      note: { message: 'PC-7 has not reconnected for 24 hours.' },
    })
  })

  it('keeps its PC busy until it is back, or for half an hour if it stays away', () => {
    const busy = (isOnline: boolean, nowMs: number) =>
      keepsBusy(announced, isOnline, nowMs, ENGINE_TIMINGS)
    expect(keepsBusy({ state: 'owed', dueAtMs: null }, true, NOW, ENGINE_TIMINGS)).toBe(false)
    expect(busy(true, NOW + 24 * HOUR)).toBe(true)
    expect(busy(false, NOW + 40 * MINUTE - 1)).toBe(true)
    expect(busy(false, NOW + 40 * MINUTE)).toBe(false)
  })
})
