/** Waves, limits and thresholds; and database errors. */
import { expect } from 'vitest'
import { fails, installs, obeys } from '../scenario-agent.ts'
import type { Row, Step } from '../scenario.ts'
import {
  check,
  person,
  personMayNot,
  remains,
  reports,
  until,
  untilCommand,
  untilStatus,
  waits,
  whileRefused,
} from '../scenario-steps.ts'
import { DONE, INSTALLING } from './timings.ts'

const WAVE = ['pending', 'pending waiting_for_wave']
const FAILED = [...INSTALLING, 'failed install_failed']
const rolling = (further: object = {}): Row['deployment'] => ({
  strategy_type: 'rolling',
  strategy: { batch_size: 1, ...further },
})
const canary = (further: object = {}): Row['deployment'] => ({
  strategy_type: 'canary',
  strategy: { canary_count: 1, ...further },
})
const pausedBy =
  (reason: string): Step =>
  async ({ stage, id }) => {
    await expect
      .poll(
        () =>
          stage.observer.count(
            "select count(*) from deployments where id = ? and paused = 1 and pause_reason = ? and pause_message like '%failed%threshold%'",
            id,
            reason,
          ),
        { timeout: 60_000 },
      )
      .toBe(1)
  }

export const strategyRows: Row[] = [
  {
    name: 'one device after the other',
    pcs: { A: {}, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    status: 'completed',
    targets: { A: { chain: DONE }, B: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'rolling: waves of one',
    pcs: { A: {}, B: {}, C: {} },
    deployment: rolling(),
    status: 'completed',
    targets: {
      A: { chain: DONE },
      B: { chain: [...WAVE, ...DONE] },
      C: { chain: [...WAVE, ...DONE] },
    },
  },
  {
    name: 'rolling: the next wave waits for the last target of this one',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: rolling(),
    steps: [until('A', 'installing'), remains('B', 'pending waiting_for_wave'), reports('A')],
    status: 'completed',
    targets: { B: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'rolling: a rest between the waves',
    pcs: { A: {}, B: {} },
    deployment: rolling({ pause_seconds: 1 }),
    steps: [until('A', 'completed'), remains('B', 'pending waiting_for_wave', 700)],
    status: 'completed',
    targets: { B: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'rolling: a retry during the rest belongs to its wave, whose rest starts again',
    pcs: { A: { does: [fails(), [installs]] }, B: {} },
    deployment: rolling({ pause_seconds: 1 }),
    steps: [
      until('A', 'failed install_failed'),
      waits(100),
      person('retry'),
      untilCommand('A', 2),
      until('A', 'installing'),
      remains('B', 'pending waiting_for_wave', 1_100),
      reports('A', {}, { command: 2 }),
      until('A', 'completed'),
      remains('B', 'pending waiting_for_wave', 600),
    ],
    status: 'completed',
    targets: { A: { chain: [...FAILED, ...DONE] }, B: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'rolling: without a threshold failures stop nothing',
    pcs: { A: { does: [fails()] }, B: { does: [fails()] } },
    deployment: rolling(),
    status: 'failed',
    targets: { A: { chain: FAILED }, B: { chain: [...WAVE, ...FAILED] } },
  },
  {
    name: 'rolling: a wave whose devices are offline is passed over',
    pcs: { A: {}, B: { isAway: true }, C: {} },
    deployment: rolling(),
    status: 'partial',
    targets: { B: { chain: [...WAVE, 'failed offline'] }, C: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'canary: it succeeds, the others follow',
    pcs: { A: {}, B: {}, C: {} },
    deployment: canary(),
    status: 'completed',
    targets: { B: { chain: [...WAVE, ...DONE] }, C: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'canary: it fails, the others do not start',
    pcs: { A: { does: [fails()] }, B: {}, C: {} },
    deployment: canary({ failure_threshold_percent: 50 }),
    steps: [
      pausedBy('failure_threshold'),
      remains('B', 'pending waiting_for_wave'),
      person('cancel'),
    ],
    status: 'canceled',
    counts: { failed: 1, skipped: 2 },
    targets: {
      A: { chain: FAILED },
      B: { chain: [...WAVE, 'skipped canceled'], attempts: 0 },
    },
  },
  {
    name: 'canary: it fails, and a person resumes',
    pcs: { A: { does: [fails()] }, B: {} },
    deployment: canary({ failure_threshold_percent: 50 }),
    steps: [pausedBy('failure_threshold'), person('resume')],
    status: 'partial',
    targets: { B: { chain: [...WAVE, '…', 'completed'] } },
  },
  {
    name: 'canary: it is lost, the others do not start',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { ...canary({ failure_threshold_percent: 1 }), timeout_seconds: 1 },
    steps: [pausedBy('failure_threshold'), person('cancel')],
    status: 'canceled',
    targets: {
      A: { chain: [...INSTALLING, 'failed lease_expired'] },
      B: { chain: [...WAVE, 'skipped canceled'] },
    },
  },
  {
    name: 'the threshold is reached again in the next round',
    pcs: { A: { does: [fails()] }, B: { does: [fails()] }, C: {} },
    deployment: rolling({ failure_threshold_percent: 100 }),
    steps: [
      pausedBy('failure_threshold'),
      person('resume'),
      until('B', 'failed install_failed'),
      pausedBy('failure_threshold'),
      person('resume'),
    ],
    status: 'partial',
    counts: { completed: 1, failed: 2 },
    targets: { B: { chain: [...WAVE, '…', 'failed install_failed'] } },
  },
  {
    name: 'fewer targets have ended than the threshold asks for',
    pcs: { A: { does: [fails()] }, B: {}, C: {} },
    deployment: { strategy: { max_concurrent: 1, failure_threshold_percent: 60, min_executed: 2 } },
    status: 'partial',
    counts: { failed: 1, completed: 2 },
    targets: { A: { chain: FAILED }, C: { chain: [...WAVE, ...DONE] } },
  },
  {
    name: 'enough targets have ended for the threshold',
    pcs: { A: { does: [fails()] }, B: { does: [fails()] }, C: {} },
    deployment: { strategy: { max_concurrent: 1, failure_threshold_percent: 60, min_executed: 2 } },
    steps: [pausedBy('failure_threshold'), remains('C', 'pending paused'), person('cancel')],
    status: 'canceled',
    counts: { failed: 2, skipped: 1 },
    targets: { C: { chain: [...WAVE, 'pending paused', 'skipped canceled'] } },
  },
  {
    name: 'all were running when the threshold was reached: there is nothing to pause',
    pcs: { A: { does: [fails()] }, B: { does: [[installs]] } },
    deployment: { strategy: { failure_threshold_percent: 1 } },
    steps: [
      until('A', 'failed install_failed'),
      until('B', 'installing'),
      personMayNot('resume'),
      reports('B'),
    ],
    status: 'partial',
    targets: { B: { chain: DONE } },
  },
  {
    name: 'a device that does not answer keeps its place',
    pcs: { A: { does: [[{ do: 'silent' }]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [untilCommand('A', 2), remains('B', 'pending waiting_for_wave', 300)],
    status: 'partial',
    targets: {
      A: { chain: ['pending', '…', 'failed lease_expired'] },
      B: { chain: [...WAVE, ...DONE] },
    },
  },
]

const ofThis = (play: { id: number }) => `new.deployment_id = ${play.id}`
export const databaseRows: Row[] = [
  {
    name: 'the database fails on a report: it is not acknowledged, and comes again',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      whileRefused(
        'update on deployment_targets',
        ofThis,
        reports('A', {}, { committed: false }),
        remains('A', 'installing', 50),
      ),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE, exit_code: 0 } },
  },
  {
    name: 'the database fails on a reported failure',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      whileRefused(
        'update on deployment_attempts',
        ({ target }) => `new.target_id = ${target('A')}`,
        reports(
          'A',
          { status: 'failed', message: 'It broke.', exit_code: 1 },
          { committed: false },
        ),
        remains('A', 'installing', 50),
      ),
      reports('A', { status: 'failed', message: 'It broke.', exit_code: 1 }),
    ],
    status: 'failed',
    targets: { A: { chain: [...INSTALLING, 'failed install_failed'] } },
  },
  {
    name: 'the database fails on a write of the engine, which continues afterwards',
    pcs: { A: { does: [[installs]] }, B: {} },
    deployment: { strategy: { max_concurrent: 1 } },
    steps: [
      until('A', 'installing'),
      whileRefused(
        'insert on deployment_attempts',
        ({ target }) => `new.target_id = ${target('B')}`,
        reports('A'),
        until('A', 'completed'),
        remains('B', 'pending waiting_for_wave', 300),
      ),
      until('B', 'completed'),
    ],
    status: 'completed',
    targets: { B: { chain: [...WAVE, ...DONE], attempts: 1 } },
  },
  {
    name: 'the database fails on a cancellation: the request fails, nothing changes',
    pcs: { A: { does: [[installs]] } },
    steps: [
      until('A', 'installing'),
      whileRefused(
        'update on deployments',
        ({ id }) => `new.id = ${id}`,
        check(async ({ stage, id }) => {
          expect(await stage.rest.raw('POST', `/deployments/${id}/cancel`, {})).toMatchObject({
            status: 500,
            body: { success: false, error: { code: 'E_DATABASE' } },
          })
          expect(stage.observer.count('select canceling from deployments where id = ?', id)).toBe(0)
          expect(
            stage.observer.count(
              "select count(*) from audit_log where action = 'deployment.cancel' and subject = (select 'deployment ' || name from deployments where id = ?)",
              id,
            ),
          ).toBe(0)
        }),
      ),
      reports('A'),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
  {
    name: 'the database fails on a retry: failed targets stay failed',
    pcs: { A: { does: [fails(), obeys] } },
    steps: [
      untilStatus('failed'),
      whileRefused(
        'update on deployment_targets',
        ofThis,
        check(async ({ stage, id }) => {
          expect(await stage.rest.raw('POST', `/deployments/${id}/retry`, {})).toMatchObject({
            status: 500,
            body: { error: { code: 'E_DATABASE' } },
          })
        }),
        remains('A', 'failed install_failed', 100),
      ),
      untilStatus('failed'),
      person('retry'),
    ],
    status: 'completed',
    targets: { A: { chain: [...FAILED, ...DONE], attempt: 2, attempts: 2 } },
  },
  {
    name: 'the database fails on a new deployment: nothing of it is left',
    steps: [
      untilStatus('completed'),
      check(async (play) => {
        const count = () =>
          play.stage.observer.count("select count(*) from deployments where name = 'Refused'") +
          play.stage.observer.count(
            "select count(*) from audit_log where subject = 'deployment Refused'",
          )
        const end = play.stage.observer.refuse(
          'insert on deployment_targets',
          "(select name from deployments where id = new.deployment_id) = 'Refused'",
        )
        await expect(play.create({ name: 'Refused' })).rejects.toThrow(/500.*E_DATABASE/)
        end()
        expect(count()).toBe(0)
      }),
    ],
    status: 'completed',
    targets: { A: { chain: DONE } },
  },
]
