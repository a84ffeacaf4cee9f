/**
 * Properties of the engine that always hold: random deployments in a simulated world (test-kit/plan-world.ts), random
 * events in random order. 300 runs of each property, 5,000 with DEPLOYX_TEST_FULL.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_TARGETS, verdict } from '#shared/domain/deployment-state.ts'
import { windowAt } from '#shared/domain/maintenance-window.ts'
import { reachesThreshold } from '#shared/domain/strategy.ts'
import type { TargetId } from '#shared/domain/ids.ts'
import { isEnded, isRunning } from '#shared/domain/target-state.ts'
import { createWorld, type Watch, type World } from '../../../test-kit/plan-world.ts'
import {
  beKind,
  happen,
  play,
  script,
  settle,
  worldSpec,
  type WorldEvent,
} from '../../../test-kit/plan-world-script.ts'
import type { WorldSpec } from '../../../test-kit/plan-world-spec.ts'
import type { TargetRow } from '../tables/rows.ts'
import { plan, type Action } from './plan.ts'

const isFull = process.env['DEPLOYX_TEST_FULL'] !== undefined
const numRuns = isFull ? 5_000 : 300
const timeoutMs = isFull ? 900_000 : 240_000
const limit = fc.constantFrom(undefined, 1, 2, 7, 200)

const holds = (
  check: (spec: WorldSpec, events: WorldEvent[], limit: number | undefined) => void,
  runs = numRuns,
) => fc.assert(fc.property(worldSpec, script, limit, check), { numRuns: runs })
/** Plays all events, then lets everything succeed; the watcher sees each action before it is performed. */
function watched(watch: Watch, each?: (world: World) => void) {
  return () =>
    holds((spec, events, limited) => {
      const world = createWorld(spec, watch)
      play(world, events, { limit: limited, each: () => each?.(world) })
      beKind(world, limited)
      each?.(world)
    })
}
const targetsOf = (world: World): TargetRow[] => [...world.repo.targets.values()]
const offered = (action: Action, world: World): TargetRow | null =>
  action.type === 'offer' ? world.repo.targets.get(action.targetId)! : null
const isOpen = (t: TargetRow): boolean => !isEnded(t.deployment_status)

describe('the engine, under random events,', () => {
  it(
    'ends every deployment once devices answer, windows open and people resume',
    watched(
      () => undefined,
      (world) => {
        if (world.isOver()) expect(targetsOf(world).filter(isOpen)).toEqual([])
      },
    ),
    timeoutMs,
  )

  it(
    'never has two live attempts of a target',
    watched(
      () => undefined,
      (world) => {
        const live = [...world.repo.attempts.values()].filter((a) => a.ended_at === null)
        const named = live.map((a) => a.target_id)
        expect(new Set(named).size).toBe(named.length)
        for (const { attempt_id, attempt, target_id } of live)
          expect(world.repo.targets.get(target_id)).toMatchObject({ attempt_id, attempt })
      },
    ),
    timeoutMs,
  )

  it(
    'never runs on more devices than max_concurrent',
    watched(
      (action, world) => {
        const target = offered(action, world)
        if (!target) return
        const others = targetsOf(world).filter(
          (t) => world.atWork(t) && t.device_id !== target.device_id,
        )
        const devices = new Set(others.map((t) => t.device_id))
        expect(devices.size).toBeLessThan(world.spec.strategy.max_concurrent)
      },
      (world) => {
        // A device that was away may come back with work that was given up or sent elsewhere; no other device may.
        const asked = targetsOf(world).filter((t) => world.atWork(t) && !world.strayed.has(t.id))
        expect(new Set(asked.map((t) => t.device_id)).size).toBeLessThanOrEqual(
          world.spec.strategy.max_concurrent,
        )
      },
    ),
    timeoutMs,
  )

  it(
    'never runs two targets on one device, and keeps the order of packages',
    watched(
      (action, world) => {
        const target = offered(action, world)
        if (!target) return
        const others = targetsOf(world).filter(
          (t) => t.device_id === target.device_id && t.id !== target.id,
        )
        expect(others.filter(world.atWork)).toEqual([])
        // A target whose attempt was already sent goes first, even if a person retries others meanwhile.
        if (target.attempt_id === null)
          expect(others.filter((t) => isOpen(t) && t.position < target.position)).toEqual([])
      },
      (world) => {
        const busy = targetsOf(world)
          .filter((t) => world.atWork(t) && !world.strayed.has(t.id))
          .map((t) => t.device_id)
        expect(new Set(busy).size).toBe(busy.length)
      },
    ),
    timeoutMs,
  )

  it(
    'never installs software whose dependency was not installed on the device',
    watched((action, world) => {
      const target = offered(action, world)
      if (!target || target.position === 0) return
      if (!world.spec.packages[target.position]!.needsPrevious) return
      const needed = world.repo.targets.get((target.id - 1) as TargetId)!
      const isInstalled =
        needed.deployment_status === 'completed' || needed.reason === 'already_installed'
      // Sent before a person retried the dependency: the agent may already have it.
      if (!isInstalled) expect(target.attempt_id).not.toBeNull()
    }),
    timeoutMs,
  )

  it(
    'opens no wave before the one before it has ended and the rest period is over',
    watched((action, world) => {
      const { deployment, spec } = world
      if (action.type === 'open_wave') {
        const before = targetsOf(world).filter((t) => t.wave <= deployment.wave)
        expect(before.filter(isOpen)).toEqual([])
        const restMs = (spec.strategy.pause_seconds ?? 0) * 1000
        expect(world.sinceWorkMs()).toBeGreaterThanOrEqual(restMs)
        expect(action.wave).toBeGreaterThan(deployment.wave)
      }
      const target = offered(action, world)
      if (target) expect(target.wave).toBeLessThanOrEqual(deployment.wave)
    }),
    timeoutMs,
  )

  it(
    'starts nothing while paused or cancelled, outside the window, before its time, or beyond the failure threshold',
    watched((action, world) => {
      if (action.type === 'start') expectMayStart(world)
      const target = offered(action, world)
      if (!target) return
      const { deployment, spec } = world
      expectMayStart(world)
      const percent = spec.strategy.failure_threshold_percent
      if (percent === undefined) return
      const round = { completed: deployment.round_completed, failed: deployment.round_failed }
      if (reachesThreshold(round, percent))
        expect(round.completed + round.failed).toBeLessThan(spec.strategy.min_executed ?? 1)
    }),
    timeoutMs,
  )
  function expectMayStart({ deployment, spec, now }: World): void {
    expect(deployment).toMatchObject({ paused: false, canceling: false })
    if (deployment.scheduled_at !== null)
      expect(now()).toBeGreaterThanOrEqual(Date.parse(deployment.scheduled_at))
    if (spec.window) expect(windowAt(spec.window, now()).isOpen).toBe(true)
  }

  it(
    'derives the outcome from the targets, and counts them correctly',
    watched(
      () => undefined,
      (world) => {
        const { deployment } = world
        const counts = { ...NO_TARGETS }
        for (const t of targetsOf(world)) counts[t.deployment_status]++
        expect(deployment).toMatchObject(counts)
        if (world.isOver()) expect(deployment.status).toBe(verdict(counts, deployment.canceling))
        else expect(deployment.ended_at).toBeNull()
      },
    ),
    timeoutMs,
  )

  it(
    'plans the same twice, and does not repeat what it has just done',
    () =>
      holds((spec, events) => {
        const world = createWorld(spec)
        let wakeAtMs: number | null = null
        for (const event of [null, ...events]) {
          if (event) happen(world, event, wakeAtMs)
          const again = plan(world.snapshot(), world.now())
          expect(plan(world.snapshot(), world.now())).toEqual(again)
          // The world's planner remembers earlier runs, so it may wake sooner.
          const { actions, more } = world.run()
          expect({ actions, more }).toEqual({ actions: again.actions, more: again.more })
          const next = plan(world.snapshot(), world.now())
          const repeated = next.actions.filter((a) =>
            again.actions.some((b) => JSON.stringify(a) === JSON.stringify(b)),
          )
          expect(repeated).toEqual([])
          wakeAtMs = settle(world)
        }
      }),
    timeoutMs,
  )

  it(
    'plans from what changed the same as from everything',
    // The world compares both in each of its runs, here and in every other property.
    () =>
      holds((spec, events, limited) => {
        const world = createWorld(spec)
        play(world, events, { limit: limited })
        expect(world.looks.remembering).toBeLessThanOrEqual(world.looks.whole)
      }),
    timeoutMs,
  )

  it(
    'reaches the same end when a run may do only a little at a time',
    () =>
      holds((spec, events, limited = 3) => {
        const [whole, bit] = [createWorld(spec), createWorld(spec)]
        const ends: unknown[][] = [[], []]
        ;[whole, bit].forEach((world, i) => {
          const each = () => ends[i]!.push(lookOf(world))
          play(world, events, { each, ...(i === 1 && { limit: limited }) })
        })
        expect(ends[1]).toEqual(ends[0])
      }),
    timeoutMs,
  )
  /** Everything except the random ids of attempts. */
  const lookOf = (world: World) => ({
    deployment: { ...world.deployment },
    targets: targetsOf(world).map((t) => ({ ...t, attempt_id: t.attempt_id !== null })),
    agents: [...world.devices.values()].map((d) => [d.inFlight.length, d.held.map((h) => h.phase)]),
  })

  it(
    'reaches every state, every wait reason and every end in its simulations',
    () => {
      const seen = new Set<string>()
      holds((spec, events, limited) => {
        const world = createWorld(spec, (action) => seen.add(action.type))
        const each = () => {
          seen.add(world.deployment.status)
          if (world.deployment.pause_reason) seen.add(world.deployment.pause_reason)
          for (const t of targetsOf(world)) {
            seen.add(t.deployment_status)
            if (t.reason) seen.add(t.reason)
            if (t.attempt > 1 && isRunning(t.deployment_status)) seen.add('second attempt at work')
          }
        }
        play(world, events, { limit: limited, each })
        // More runs, so that each rare case comes up with any seed.
      }, 2_000)
      const actions = [
        'start',
        'offer',
        'wait',
        'fail',
        'skip',
        'requeue',
        'send_cancel',
        'end_wave',
        'open_wave',
        'pause',
        'conclude',
      ]
      const states = [
        'downloading',
        'installing',
        'completed',
        'failed',
        'skipped',
        'partial',
        'canceled',
      ]
      const reasons = [
        'connecting',
        'waiting_for_device',
        'waiting_for_wave',
        'waiting_for_window',
        'device_busy',
        'retry_later',
        'paused',
        'offline',
        'lease_expired',
        'interrupted',
        'rejected_by_agent',
        'dependency_failed',
        'device_deleted',
        'no_installer',
        'already_installed',
        'failure_threshold',
      ]
      expect(
        [...actions, ...states, ...reasons, 'second attempt at work'].filter((s) => !seen.has(s)),
      ).toEqual([])
    },
    timeoutMs,
  )
})
