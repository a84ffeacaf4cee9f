/** Calls of the repositories of deployments. */
import { OUTPUT_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import type { AttemptId, RestartId } from '#shared/domain/ids.ts'
import type { Calls } from './rows.ts'
import * as w from './rows.ts'

const ANOTHER_ATTEMPT = 'e'.repeat(32) as AttemptId
const ANOTHER_RESTART = 'd'.repeat(32) as RestartId
const page = { limit: 10, offset: 0 }
const open = { id: w.TARGET, deployment_id: w.RUNNING }
const accepted = {
  target: { ...open, deployment_status: 'pending' as const },
  events: ['accepted' as const],
  change: { bytes: 1 },
}
const attemptEnd = {
  ended_at: w.AT,
  status: 'failed' as const,
  reason: null,
  message: 'm',
  result_code: null,
  result_params: null,
}
const started = { id: w.WAITING, from: 'pending', event: 'started', change: {} } as const
const restart = { restart_id: w.RESTART, state: 'owed' } as const

const deployments: Calls['deployments'] = {
  transaction: (r) => r.transaction(() => r.writeTargets([accepted])),
  insert: (r) => r.insert(w.deploymentRow, [w.targetRow]),
  insertTargets: (r) => r.insertTargets(w.WAITING, w.AT, [w.targetRow]),
  removeTargets: (r) => r.removeTargets(w.RUNNING),
  replaceTargets: (r) =>
    r.replaceTargets(w.WAITING, w.AT, [w.targetRow], { device_count: 1, wave_count: 1 }),
  moveTargets: (r) => r.moveTargets(w.DEVICE, w.OLD_DEVICE),
  target: (r) => r.target(w.TARGET),
  openTargets: (r) => r.openTargets(w.RUNNING),
  allTargets: (r) => r.allTargets(w.RUNNING),
  targetsById: (r) => r.targetsById(new Set([w.TARGET])),
  takeChanged: (r) => r.takeChanged(w.RUNNING),
  forgetChanged: (r) => r.forgetChanged(w.RUNNING),
  reportedTargets: (r) => r.reportedTargets([w.TARGET]),
  writeTargets: (r) => r.transaction(() => r.writeTargets([accepted])),
  changeTarget: (r) => r.changeTarget(open, { bytes: 1 }),
  setWaitReason: (r) => r.setWaitReason(w.RUNNING, [w.TARGET], null),
  extendOfferDeadlines: (r) => r.extendOfferDeadlines(w.RUNNING, 1),
  forgetOffers: (r) => r.forgetOffers(),
  openTargetsOfDevice: (r) => r.openTargetsOfDevice(w.DEVICE),
  deploymentsWaitingFor: (r) => r.deploymentsWaitingFor([w.DEVICE]),
  deploymentsUsingInstaller: (r) => r.deploymentsUsingInstaller(w.INSTALLER),
  failedTargets: (r) => r.failedTargets(w.RUNNING),
  views: { all: (r) => r.views(w.RUNNING, null), some: (r) => r.views(w.RUNNING, [w.TARGET]) },
  reportedAttempts: (r) => r.reportedAttempts([w.ATTEMPT]),
  addAttempt: (r) => {
    r.endAttempts([{ id: w.ATTEMPT, end: attemptEnd }])
    r.addAttempt({
      attempt_id: ANOTHER_ATTEMPT,
      target_id: w.TARGET,
      attempt: 2,
      created_at: w.AT,
    })
  },
  attempt: (r) => r.attempt(w.ATTEMPT),
  attemptsOf: (r) => r.attemptsOf(w.TARGET),
  endAttempts: (r) => r.endAttempts([{ id: w.ATTEMPT, end: attemptEnd }]),
  changeOutput: (r) => r.changeOutput(w.ATTEMPT, { output_last_seq: 1 }),
  deviceOfLiveAttempt: (r) => r.deviceOfLiveAttempt(w.ATTEMPT),
  pendingWithGroup: (r) => r.pendingWithGroup(w.GROUP),
  activeWithSoftware: (r) => r.activeWithSoftware(w.SOFTWARE),
  roleOf: (r) => r.roleOf(w.USER),
  byId: (r) => r.byId(w.RUNNING),
  writeDeployment: (r) => r.writeDeployment(started),
  write: (r) =>
    r.transaction(() =>
      r.write({
        targets: [accepted],
        attempts: [{ id: w.ATTEMPT, end: attemptEnd }],
        deployments: [started],
      }),
    ),
  ownerOf: (r) => r.ownerOf(w.RUNNING),
  changeDeployment: (r) => r.changeDeployment(w.RUNNING, { name: 'VLC 3' }),
  activeIds: (r) => r.activeIds(),
  creatorName: (r) => r.creatorName({ created_by: w.USER, created_by_name: null }),
  page: {
    all: (r) => r.page({ ownerId: null, statuses: null }, page),
    'of an owner': (r) => r.page({ ownerId: w.USER, statuses: null }, page),
    'in a state': (r) => r.page({ ownerId: null, statuses: ['in_progress'] }, page),
    'with a text': (r) => {
      r.index(10)
      r.page({ ownerId: null, statuses: null, q: 'vlc' }, page)
      r.page({ ownerId: null, statuses: null, q: 'v' }, page)
    },
    'after another': (r) => {
      const after = { ...page, after: w.RUNNING }
      r.page({ ownerId: null, statuses: null }, after)
      r.page({ ownerId: w.USER, statuses: null }, after)
      r.page({ ownerId: null, statuses: ['in_progress'] }, after)
      r.index(10)
      r.page({ ownerId: null, statuses: null, q: 'vlc' }, after)
    },
    'from an offset': (r) => r.page({ ownerId: null, statuses: null }, { limit: 10, offset: 1 }),
  },
  index: (r) => r.index(1),
  statusCounts: { all: (r) => r.statusCounts(null), 'of an owner': (r) => r.statusCounts(w.USER) },
  endedSince: {
    all: (r) => r.endedSince(w.AT, null),
    'of an owner': (r) => r.endedSince(w.AT, w.USER),
  },
  packagesOf: (r) => r.packagesOf(w.RUNNING),
  idsOfDevice: (r) => r.idsOfDevice(w.DEVICE),
  countOf: (r) => r.countOf(w.USER),
  transfer: (r) => r.transfer(w.USER, w.OTHER_USER, 'anna', 10),
  installer: (r) => r.installer(w.INSTALLER),
  softwareName: (r) => r.softwareName(w.SOFTWARE),
  needsWithin: (r) => r.needsWithin(w.RUNNING),
  counts: (r) => r.counts(w.RUNNING),
  runningCount: (r) => r.runningCount(),
}

/** An attempt with this much output beyond the part that is always kept. */
const attemptWith = (tailBytes: number) => ({
  attempt_id: w.ATTEMPT,
  target_id: w.TARGET,
  attempt: 1,
  created_at: w.AT,
  ended_at: null,
  status: null,
  reason: null,
  message: null,
  result_code: null,
  result_params: null,
  exit_code: null,
  output_head_bytes: 0,
  output_tail_bytes: tailBytes,
  output_omitted_bytes: 0,
  output_last_seq: 0,
  output_held: null,
})

export const deploymentCalls: Pick<
  Calls,
  'clock' | 'counters' | 'deployments' | 'outputs' | 'restarts'
> = {
  deployments,
  clock: {
    shift: (r) => r.shift({ shiftMs: 1, jumpMs: 1 }),
    extendTo: (r) => r.extendTo(1),
  },
  counters: {
    transaction: (r) => r.transaction(() => r.move(w.RUNNING, 'pending', 'failed')),
    onTheWay: (r) => r.onTheWay(w.RUNNING, 'failed'),
    move: (r) => r.transaction(() => r.move(w.RUNNING, 'failed', 'completed')),
  },
  outputs: {
    append: (r) => {
      r.append(attemptWith(1), 1, 'first')
      r.append(attemptWith(OUTPUT_LIMIT_BYTES), 2, 'second')
    },
    release: (r) => {
      r.append(attemptWith(1), 1, 'first')
      r.release(attemptWith(1), 'rest')
    },
    text: (r) => r.text(w.ATTEMPT),
  },
  restarts: {
    transaction: (r) => r.transaction(() => r.open()),
    byId: (r) => r.byId(w.RESTART),
    open: (r) => r.open(),
    underWay: (r) => r.underWay(),
    openOf: (r) => r.openOf(w.RUNNING),
    unclaimed: (r) => r.unclaimed(10),
    lastOf: (r) => r.lastOf(w.RUNNING, w.DEVICE),
    insert: (r) => r.insert(w.restartRow(ANOTHER_RESTART, 2)),
    claim: (r) => r.claim(w.TARGET, w.RESTART),
    targetsOf: (r) => r.targetsOf(w.RESTART),
    hasOpenTargets: (r) => r.hasOpenTargets(w.RUNNING, w.DEVICE),
    isOrderedElsewhere: (r) => r.isOrderedElsewhere(w.DEVICE, ANOTHER_RESTART),
    step: (r) => r.step(restart, 'canceled', {}),
    change: (r) => r.change(w.RESTART, { message: 'm' }),
    counts: (r) => r.counts(w.RUNNING),
  },
}
