/**
 * A small world around `plan()`: devices with agents that hold attempts, commands and replies in
 * transit, a clock that jumps, users who decide. Runs the whole core (plan, acts, reports, returns,
 * decisions); store, sockets and time are simulated. Watchers see every step and report
 * violations.
 */
import { isEnded } from '#shared/domain/target-state.ts'
import { DEPLOYMENT_TRANSITIONS } from '#shared/domain/deployment-state.ts'
import type { AttemptId, DeviceId, InstallerId, SoftwareId } from '#shared/domain/ids.ts'
import type { DeploymentResult } from '#shared/contract/agent/link.ts'
import { act, concluded } from '../slices/deployments/core/act.ts'
import * as decide from '../slices/deployments/core/decide.ts'
import { reportsOnReturn } from '../slices/deployments/core/on-return.ts'
import type { InstallerRow, TargetRow } from '../slices/deployments/tables/deployments.repo.ts'
import { createOpenTargets, type OpenTarget } from '../slices/deployments/shell/open-targets.ts'
import {
  plan,
  type Action,
  type Plan,
  type PlanDevice,
  type Snapshot,
} from '../slices/deployments/core/plan.ts'
import { noWrites } from '../slices/deployments/core/writes.ts'
import { toPlan } from '../slices/deployments/core/plan-row.ts'
import { judgeReport, writesOf, type AttemptReport } from '../slices/deployments/core/report.ts'
import type { ToSend } from '../slices/deployments/core/act.ts'
import { isoTime } from '../base/context.ts'
import { ENGINE_TIMINGS } from '../slices/deployments/timings.ts'
import { createWorldStore } from './plan-world-store.ts'
import { rowsOf, START_MS, type WorldSpec } from './plan-world-spec.ts'

const OFFLINE_AFTER_MS = 15_000
const MINUTE_MS = 60_000
const timings = ENGINE_TIMINGS

type Sending = ToSend<OpenTarget>

/**
 * A planner that remembers must plan what one without a memory does, up to its limit, and wake in
 * time.
 */
function checkSame(planned: Plan, whole: Plan): void {
  const expected = planned.more ? whole.actions.slice(0, planned.actions.length) : whole.actions
  const isInTime = planned.more || (planned.wakeAtMs ?? Infinity) <= (whole.wakeAtMs ?? Infinity)
  if (JSON.stringify(planned.actions) !== JSON.stringify(expected) || !isInTime)
    throw new Error(`planned ${JSON.stringify(planned)} instead of ${JSON.stringify(whole)}`)
}

/** An attempt in an agent's journal. */
type Held = {
  row: OpenTarget['row']
  attempt: number
  id: AttemptId
  phase: 'accepted' | 'installing' | 'ended'
  result: Ending | null
}
type Ending = Pick<DeploymentResult, 'status' | 'reason'>
export type WorldDevice = {
  id: DeviceId
  isOnline: boolean
  goneSinceMs: number
  isRefused: boolean
  isBusyElsewhere: boolean
  /** What its agent holds, in queue order. */
  held: Held[]
  /** Commands without a reply yet. */
  inFlight: Sending[]
}
export type World = ReturnType<typeof createWorld>
/** Called before each action is performed, with the world as it is then. */
export type Watch = (action: Action, world: World) => void

export function createWorld(spec: WorldSpec, watch: Watch = () => undefined) {
  let nowMs = START_MS
  /** Elapsed time, regardless of the clock. */
  let livedMs = 0
  const advance = (ms: number): void => {
    nowMs += ms
    livedMs += Math.max(0, ms)
  }
  const now = () => nowMs
  const rows = rowsOf(spec)
  const { deployment } = rows
  let lastWorkMs = 0
  const repo = createWorldStore({
    ...rows,
    onStep(target) {
      if (!isEnded(target.deployment_status) && target.wave <= deployment.wave) lastWorkMs = livedMs
    },
  })
  const devices = new Map<DeviceId, WorldDevice>(
    spec.online.map((isOnline, i) => [
      (i + 1) as DeviceId,
      {
        id: (i + 1) as DeviceId,
        isOnline,
        goneSinceMs: START_MS,
        isRefused: false,
        isBusyElsewhere: false,
        held: [],
        inFlight: [],
      },
    ]),
  )
  /**
   * Targets whose device was offline since they were offered: their work was not requested just
   * now.
   */
  const strayed = new Set<TargetRow['id']>()
  const openTargets = createOpenTargets({
    repo: repo.reads,
    now,
    fileFault: () => null,
    areSecretsLost: () => false,
  })
  let attempts = 0
  const newAttemptId = () => (++attempts).toString(16).padStart(32, '0') as AttemptId

  /** The hub records a report. */
  function submit(id: AttemptId, report: AttemptReport): void {
    const target = repo.reported(id)
    if (!target) return
    const context = {
      isCanceling: deployment.canceling,
      timeoutSeconds: null,
      fileFault: null,
      isForOneUser: false,
    }
    const judged = judgeReport(target, report, context, nowMs, timings)
    repo.write(writesOf(target, judged))
    if (judged.recomputesOutcome) repo.recount()
  }

  function planDevice(device: WorldDevice): PlanDevice {
    const offlineAtMs = device.goneSinceMs + OFFLINE_AFTER_MS
    return {
      name: `PC-${device.id}`,
      reachability: device.isOnline ? 'online' : nowMs < offlineAtMs ? 'connecting' : 'offline',
      offlineAtMs,
      lastSignMs: device.isOnline ? nowMs : device.goneSinceMs,
      busyElsewhere: device.isBusyElsewhere,
      isRestarting: false,
      refused: device.isRefused,
    }
  }
  const snapshot = (): Snapshot => ({
    deployment: toPlan(deployment),
    targets: openTargets.of(deployment.id).targets.values(),
    devices: new Map([...devices.values()].map((device) => [device.id, planDevice(device)])),
    leaseMs: timings.leaseMs,
    cancelAgainMs: timings.cancelAgainMs,
  })
  /** How often a device was looked at: by a planner that remembers, and by one that does not. */
  const looks = { remembering: 0, whole: 0 }
  function counted(given: Snapshot, by: keyof typeof looks): Snapshot {
    const devices = new Map(given.devices)
    devices.get = (id) => {
      looks[by]++
      return given.devices.get(id)
    }
    return { ...given, devices }
  }
  const atWork = (t: TargetRow): boolean =>
    t.deployment_status === 'downloading' ||
    t.deployment_status === 'installing' ||
    (t.deployment_status === 'pending' && t.offered_at_ms !== null)

  /** One run of the engine: plans and performs. */
  function run(limit?: number): Plan {
    if (deployment.status !== 'pending' && deployment.status !== 'in_progress')
      openTargets.forget(deployment.id)
    const { targets, byDevice, planner } = openTargets.of(deployment.id)
    const whole = plan(counted(snapshot(), 'whole'), nowMs)
    const input = { ...counted(snapshot(), 'remembering'), targets: byDevice }
    const planned = planner.plan(input, nowMs, limit)
    checkSame(planned, whole)
    const sendings: Sending[] = []
    for (const action of planned.actions) {
      watch(action, world)
      if (action.type === 'offer') strayed.delete(action.targetId)
      if (action.type === 'open_wave' || action.type === 'start') lastWorkMs = livedMs
      const before = deployment.status
      perform(action, targets, sendings)
      const isLegal = DEPLOYMENT_TRANSITIONS.some(
        ([f, , t]) => f === before && t === deployment.status,
      )
      if (before !== deployment.status && !isLegal)
        throw new Error(`${before} became ${deployment.status}`)
    }
    for (const sending of sendings) devices.get(sending.target.deviceId)!.inFlight.push(sending)
    return planned
  }
  function perform(
    action: Action,
    targets: ReadonlyMap<TargetRow['id'], OpenTarget>,
    sendings: Sending[],
  ): void {
    const { offerTimeoutMs } = timings
    const acts = act(deployment, [action], targets, { nowMs, offerTimeoutMs, newAttemptId })
    acts.added.forEach(repo.add)
    repo.write(acts.writes)
    for (const [reason, ids] of acts.waits) repo.setWaitReason(ids, reason)
    for (const target of acts.askedToStop) target.cancelSentAtMs = nowMs
    sendings.push(...acts.toSend)
    const end = acts.concludes && concluded(deployment, deployment, isoTime(nowMs))
    if (end) repo.write({ ...noWrites(), deployments: [end] })
  }

  // ---- the agents' side
  /** The hub receives the agent's reply to the oldest command, or nothing. */
  function answer(device: WorldDevice, how: 'yes' | 'busy' | 'refused' | 'nothing' | 'lost'): void {
    const sending = device.inFlight.shift()
    if (!sending) return
    const { kind, attemptId, target } = sending
    const hasReply = device.isOnline && (how === 'yes' || how === 'busy' || how === 'refused')
    const held = device.held.find((h) => h.id === attemptId)
    const reaches = device.isOnline && how !== 'nothing'
    if (kind === 'cancel') {
      if (reaches && held && held.phase === 'accepted')
        finish(device, held, { status: 'skipped', reason: 'canceled' })
      if (!hasReply) {
        openTargets.cancelLost(target.row)
      } else if (!held) submit(attemptId, { kind: 'cancel_unknown' })
      return
    }
    const takes = reaches && how !== 'busy' && how !== 'refused' && !held
    if (takes)
      device.held.push({
        row: target.row,
        attempt: target.attempt,
        id: attemptId,
        phase: 'accepted',
        result: null,
      })
    const why = how === 'busy' ? 'busy' : 'unsupported'
    if (!hasReply) submit(attemptId, { kind: 'reply', reply: 'no_answer' })
    else if (how === 'yes' || held) submit(attemptId, { kind: 'reply', reply: { accepted: true } })
    else submit(attemptId, { kind: 'reply', reply: { accepted: false, why, message: '' } })
  }
  const namesOf = (held: Held) => ({
    deployment_id: deployment.id,
    target_id: held.row.id,
    attempt: held.attempt,
    attempt_id: held.id,
  })

  /** Journals the result; the hub receives it once there is a link. */
  function finish(device: WorldDevice, held: Held, result: Ending): void {
    held.phase = 'ended'
    held.result = result
    deliver(device)
  }
  function deliver(device: WorldDevice): void {
    if (!device.isOnline) return
    for (const held of device.held.filter((h) => h.phase === 'ended')) {
      const body = { ...namesOf(held), ...held.result!, message: '' }
      submit(held.id, { kind: 'result', body })
      device.held.splice(device.held.indexOf(held), 1)
    }
  }
  /** The first of its queue continues: downloads, installs, ends. */
  function work(device: WorldDevice, to: 'downloading' | 'installing' | Ending): void {
    const held = device.held.find((h) => h.phase !== 'ended')
    if (!held) return
    if (typeof to === 'object') {
      if (held.phase === 'accepted' && to.status === 'success') work(device, 'installing')
      return finish(device, held, to)
    }
    if (to === 'installing') held.phase = 'installing'
    if (held.phase === 'installing' && to === 'downloading') return
    if (device.isOnline)
      submit(held.id, { kind: 'progress', body: { ...namesOf(held), phase: to } })
  }
  function vanish(device: WorldDevice): void {
    if (!device.isOnline) return
    device.isOnline = false
    device.goneSinceMs = nowMs
    openTargets.touch(device.id)
    for (const t of repo.openOf(device.id)) strayed.add(t.id)
  }
  function comeBack(device: WorldDevice, remembers: boolean): void {
    if (device.isOnline || device.isRefused) return
    if (!remembers) device.held = []
    const held = new Set(device.held.map((h) => h.id))
    for (const { attemptId, report } of reportsOnReturn(repo.openOf(device.id), held))
      submit(attemptId, report)
    device.isOnline = true
    openTargets.touch(device.id)
    deliver(device)
  }

  const world = {
    spec,
    repo,
    deployment,
    devices,
    looks,
    strayed: strayed as ReadonlySet<TargetRow['id']>,
    timings,
    now,
    snapshot,
    run,
    atWork,
    /**
     * How long ago an open target of the opened waves last changed its state, by a monotonic clock.
     */
    sinceWorkMs: () => livedMs - lastWorkMs,
    isOver: () => deployment.status !== 'pending' && deployment.status !== 'in_progress',
    advance,
    advanceMinutes: (minutes: number): void => advance(minutes * MINUTE_MS),
    answer,
    work,
    vanish,
    comeBack,
    cancel(): void {
      if (!world.isOver()) repo.write(decide.cancel(deployment))
    },
    pause(): void {
      if (deployment.status === 'in_progress' && !deployment.canceling)
        repo.write(decide.pause(deployment, 'anna') ?? noWrites())
    },
    resume(): void {
      if (!deployment.paused) return
      repo.write(decide.resume(deployment, nowMs))
      repo.extendOfferDeadlines(nowMs + timings.offerTimeoutMs)
    },
    /** All that failed, or the first one. */
    retry(howMany: 'all' | 'one'): void {
      const failed = repo.failed()
      const mayRetry =
        deployment.status !== 'pending' &&
        !(deployment.status === 'in_progress' && deployment.canceling)
      if (failed.length === 0 || !mayRetry) return
      repo.write(decide.retry(deployment, howMany === 'all' ? failed : failed.slice(0, 1), nowMs))
    },
    refuse(device: WorldDevice): void {
      device.isRefused = true
      openTargets.touch(device.id)
      vanish(device)
    },
    admit(device: WorldDevice): void {
      device.isRefused = false
      openTargets.touch(device.id)
    },
    /** Another deployment begins or ends its work on the device. */
    workElsewhere(device: WorldDevice): void {
      device.isBusyElsewhere = !device.isBusyElsewhere
      openTargets.touch(device.id)
    },
    settleInstaller(id: SoftwareId, state: InstallerRow['fetch_state']): void {
      const installer = rows.installers.get(id as number as InstallerId)
      if (installer?.fetch_state === 'fetching') installer.fetch_state = state
    },
    /** The controller restarts: it knows no device yet, and gets no reply to what it sent. */
    restart(): void {
      for (const device of devices.values()) {
        vanish(device)
        device.goneSinceMs = nowMs
        device.inFlight = []
      }
      openTargets.forget(deployment.id)
      repo.forgetOffers()
    },
  }
  return world
}
