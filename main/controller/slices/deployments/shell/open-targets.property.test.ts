import fc from 'fast-check'
import { expect, it } from 'vitest'
import type {
  DeploymentId,
  DeviceId,
  InstallerId,
  SoftwareId,
  TargetId,
} from '#shared/domain/ids.ts'
import { isEnded, TARGET_STATES, type TargetState } from '#shared/domain/target-state.ts'
import type { InstallerRow, OpenTargetRow } from '../tables/deployments.repo.ts'
import type { Planner, PlanInput } from '../core/plan.ts'
import { createOpenTargets, type OpenTarget } from './open-targets.ts'

const DEPLOYMENTS = [1, 2, 3] as DeploymentId[]
const DEVICES = [1, 2, 3, 4] as DeviceId[]
/** Some devices have two targets in each deployment. */
const TARGETS_EACH = 6
const REREAD_MS = 60_000

/** What a plan sees of a device. */
type Look = { device: DeviceId; targets: OpenTarget[]; elsewhere: boolean }
/** It plans no ends, so nothing is looked at twice. */
const PAUSED: Omit<PlanInput, 'targets'> = {
  deployment: {
    ...{ status: 'in_progress', paused: true, canceling: false, maxConcurrent: 1 },
    ...{ offlinePolicy: 'wait', waitMs: 0, wave: 1, waveEndedAtMs: null, restBetweenWavesMs: 0 },
    ...{ threshold: null, round: { completed: 0, failed: 0 }, readySinceMs: 0 },
    ...{ scheduledAtMs: null, window: null },
  },
  devices: {
    get: () => ({
      ...{ name: 'PC', reachability: 'online', offlineAtMs: 0, lastSignMs: Infinity },
      ...{ busyElsewhere: false, isRestarting: false, refused: false },
    }),
  },
  ...{ leaseMs: 1, cancelAgainMs: 1 },
}

const deployment = fc.constantFrom(...DEPLOYMENTS)
const target = fc.nat(DEPLOYMENTS.length * TARGETS_EACH - 1).map((n) => (n + 1) as TargetId)
const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('step' as const),
      target,
      state: fc.constantFrom<TargetState>(...TARGET_STATES),
      isOffered: fc.boolean(),
      readFails: fc.boolean(),
    }),
  },
  fc.record({
    type: fc.constantFrom('ends', 'becomes active', 'is planned', 'is forgotten'),
    deployment,
  }),
  fc.record({ type: fc.constant('moves' as const), target, device: fc.constantFrom(...DEVICES) }),
  fc.record({ type: fc.constantFrom('all is forgotten', 'time passes') }),
)

function createWorld() {
  const rows = new Map<TargetId, OpenTargetRow>()
  for (const i of Array.from({ length: DEPLOYMENTS.length * TARGETS_EACH }).keys())
    rows.set((i + 1) as TargetId, {
      id: (i + 1) as TargetId,
      deployment_id: DEPLOYMENTS[Math.floor(i / TARGETS_EACH)]!,
      device_id: DEVICES[i % DEVICES.length]!,
      software_id: i as SoftwareId,
      installer_id: 1 as InstallerId,
      ...{
        position: 1,
        wave: 1,
        state: 'pending',
        reason: 'paused',
        since: '2026-01-01T00:00:00Z',
      },
      ...{ attempt: 1, attempt_id: null, offered_at_ms: null, not_before_ms: null },
      ...{ deadline_ms: null, held_by: null, held_since_ms: null },
    })
  const active = new Set(DEPLOYMENTS)
  const changed = new Map<DeploymentId, Set<TargetId>>()
  const world = { nowMs: 0, failsOnce: false, readRows: 0 }
  const found = (test: (row: OpenTargetRow) => boolean): OpenTargetRow[] => {
    if (world.failsOnce) {
      world.failsOnce = false
      throw new Error('no')
    }
    const list = [...rows.values()].filter(test).map((row) => ({ ...row }))
    world.readRows += list.length
    return list
  }
  const openTargets = createOpenTargets({
    repo: {
      activeIds: () => [...active],
      byId: () => undefined,
      installer: () => ({ fetch_state: 'ready' }) as InstallerRow,
      needsWithin: () => new Map(),
      openTargets: (id) => found((row) => row.deployment_id === id && !isEnded(row.state)),
      allTargets: (id) => found((row) => row.deployment_id === id),
      targetsById: (ids) => (ids.size === 0 ? [] : found((row) => ids.has(row.id))),
      takeChanged(id) {
        const ids = changed.get(id)
        changed.set(id, new Set())
        return ids ?? new Set()
      },
      forgetChanged: (id) => void changed.delete(id),
    },
    now: () => world.nowMs,
    fileFault: () => null,
    areSecretsLost: () => false,
  })
  return {
    ...{ world, openTargets, rows, active },
    note: ({ deployment_id, id }: OpenTargetRow) => changed.get(deployment_id)?.add(id),
    /** What the counts must equal. */
    working: (except?: DeploymentId): DeviceId[] => {
      const working = new Set<DeviceId>()
      for (const row of rows.values())
        if (
          row.deployment_id !== except &&
          active.has(row.deployment_id) &&
          !isEnded(row.state) &&
          (row.state !== 'pending' || row.offered_at_ms !== null)
        )
          working.add(row.device_id)
      return [...working].sort()
    },
  }
}

it('knows which devices work and which changed, for whatever changes', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const { world, openTargets, rows, active, note, working } = createWorld()
      const looks = new Map<DeploymentId, { planner: Planner; look: Look[] }>()
      const compare = (): void => {
        expect([...openTargets.workingDevices()].sort()).toEqual(working())
        for (const id of active) {
          const { isWorkingElsewhere, byDevice, planner } = openTargets.of(id)
          expect(DEVICES.filter((device) => isWorkingElsewhere(device))).toEqual(working(id))
          // What the next plan does not look at is as it was at the last one.
          const look = [...byDevice].map(([device, list]): Look => {
            const targets = list.map((target) => ({ ...target }))
            return { device, targets, elsewhere: isWorkingElsewhere(device) }
          })
          const changed = planner.changed()
          const known = looks.get(id)?.planner === planner ? looks.get(id)!.look : []
          const isLeft = ({ device }: Look) => changed !== null && !changed.has(device)
          expect(look.filter(isLeft)).toEqual(known.filter(isLeft))
          planner.plan({ ...PAUSED, targets: byDevice }, world.nowMs)
          looks.set(id, { planner, look })
        }
      }
      const failToRead = (): void => {
        world.failsOnce = true
        try {
          openTargets.workingDevices()
        } catch {
          // The next comparison must be right nevertheless.
        }
        world.failsOnce = false
      }
      compare()
      for (const change of changes) {
        if (change.type === 'step') {
          const row = rows.get(change.target)!
          row.state = change.state
          row.offered_at_ms = change.isOffered ? world.nowMs : null
          note(row)
          if (change.readFails) failToRead()
        } else if (change.type === 'moves') {
          const row = rows.get(change.target)!
          row.device_id = change.device
          openTargets.forget(row.deployment_id)
        } else if ('deployment' in change) {
          const id = change.deployment
          if (change.type === 'ends') active.delete(id)
          else if (change.type === 'becomes active') active.add(id)
          else if (change.type === 'is forgotten') openTargets.forget(id)
          else if (active.has(id)) openTargets.of(id)
        } else if (change.type === 'all is forgotten') openTargets.forgetAll()
        else world.nowMs += REREAD_MS
        compare()
      }
    }),
    { numRuns: 300 },
  )
})

it('reads no unchanged target of another deployment', () => {
  const { world, openTargets, rows, note } = createWorld()
  for (const id of DEPLOYMENTS) openTargets.of(id)
  world.readRows = 0
  openTargets.of(DEPLOYMENTS[0]!)
  expect(world.readRows).toBe(0)
  note(rows.get(7 as TargetId)!)
  openTargets.of(DEPLOYMENTS[0]!)
  expect(world.readRows).toBe(1)
})
