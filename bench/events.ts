/**
 * How many state events per second are committed, through the same code that serves the hub. Reference: the
 * same reports, each in its own transaction.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import pino from 'pino'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { AttemptId, DeploymentId, DeviceId, TargetId } from '#shared/domain/ids.ts'
import { createChanges } from '../main/controller/slices/deployments/changes.ts'
import { createDeploymentsRepo } from '../main/controller/slices/deployments/tables/deployments.repo.ts'
import { createOutputsRepo } from '../main/controller/slices/deployments/tables/outputs.repo.ts'
import { createRecorder } from '../main/controller/slices/deployments/reports/record.ts'
import {
  createReports,
  type Report,
} from '../main/controller/slices/deployments/reports/reports.ts'
import { createSealedArguments } from '../main/controller/base/sealed-arguments.ts'
import { ENGINE_TIMINGS } from '../main/controller/slices/deployments/timings.ts'
import { openStore, type Store } from '../main/controller/store/store.ts'
import { watchStalls } from './stalls.ts'
import type { BenchTable } from './table.ts'
import { MIGRATIONS_DIR } from '../main/controller/test-kit/paths.ts'

const TARGETS = 500
const BATCHED = 40_000
const SINGLE = 4_000
/** Reports that arrive together, as in a busy minute. */
const BURST = 50

/** A deployment with all targets in the state "downloading". Returns one report per target and round. */
function prepare(store: Store): (i: number) => Report {
  const db = store.sqlite
  db.exec(
    `insert into users (username, password_hash, role, created_at) values ('anna', 'x', 'admin', '2026')`,
  )
  db.exec(
    `insert into software (name, version, publisher, origin, created_at) values ('bench', '1', '', 'library', '2026')`,
  )
  const device = db.prepare(
    `insert into devices (name, platform, arch, os_version, agent_version, public_key, approved, enrolled_at)
     values (?, 'linux', 'x64', '', '', ?, 1, '2026')`,
  )
  db.exec(`insert into deployments (name, status, created_at, action, strategy_type, offline_policy, wait_minutes, software_names,
    device_count, downloading) values ('bench', 'in_progress', '2026', 'install', 'parallel', 'fail', 60, '[]', ${TARGETS}, ${TARGETS})`)
  const target = db.prepare(
    `insert into deployment_targets (deployment_id, device_id, software_id, position, deployment_status, attempt_id, since)
     values (1, ?, 1, 0, 'downloading', ?, '2026')`,
  )
  const attempt = db.prepare(
    "insert into deployment_attempts (attempt_id, target_id, attempt, created_at) values (?, ?, 1, '2026')",
  )
  const keyOf = (id: number) => id.toString(16).padStart(32, '0') as AttemptId
  store.transaction(() => {
    for (let id = 1; id <= TARGETS; id++) {
      device.run(`PC-${id}`, `key ${id}`)
      target.run(id, keyOf(id))
      attempt.run(keyOf(id), id)
    }
  })
  return (i) => {
    const id = (i % TARGETS) + 1
    return {
      kind: 'progress',
      deviceId: id as DeviceId,
      body: {
        deployment_id: 1 as DeploymentId,
        target_id: id as TargetId,
        attempt: 1,
        attempt_id: keyOf(id),
        phase: 'downloading',
        bytes: i,
        total_bytes: BATCHED,
      },
    }
  }
}

export async function events(): Promise<BenchTable> {
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  try {
    const reportNo = prepare(store)
    const repo = createDeploymentsRepo(store)
    const log = pino({ level: 'silent' })
    const timings = ENGINE_TIMINGS
    const apply = createReports({
      repo,
      fileFault: () => null,
      outputs: createOutputsRepo(store, repo),
      sealed: createSealedArguments(Buffer.alloc(32, 1), systemRandom),
      now: Date.now,
      log,
      timings,
    })
    const recorder = createRecorder({
      isLow: () => false,
      repo,
      apply,
      clock: systemClock,
      log,
      timings,
      committed: () => undefined,
    })

    const readStalls = watchStalls()
    const startMs = performance.now()
    const taken: Promise<unknown>[] = []
    for (let i = 0; i < BATCHED; i++) {
      taken.push(recorder.take(reportNo(i)))
      if (i % BURST === BURST - 1) await new Promise((done) => setImmediate(done))
    }
    await Promise.all(taken)
    const ours = (1000 * BATCHED) / (performance.now() - startMs)
    const stalls = readStalls()

    const singleMs = performance.now()
    for (let i = 0; i < SINGLE; i++) repo.transaction(() => apply([reportNo(i)], createChanges()))
    const single = (1000 * SINGLE) / (performance.now() - singleMs)
    return {
      title: `events: ${BATCHED} reports of ${TARGETS} targets`,
      reference: 'each report committed alone',
      rows: [
        {
          name: 'state events committed per second',
          ours: `${Math.round(ours)}`,
          reference: `${Math.round(single)}`,
          ratio: ours / single,
        },
      ],
      notes: [
        `gaps of the loop meanwhile: p99 ${stalls.p99Ms.toFixed(1)} ms, longest ${stalls.longestMs.toFixed(1)} ms`,
      ],
    }
  } finally {
    store.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
