/**
 * The progress of a deployment in a store with a very large number of targets: counters updated with every
 * change, compared with counting the rows.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { createDeploymentsRepo } from '../main/controller/slices/deployments/tables/deployments.repo.ts'
import { openStore } from '../main/controller/store/store.ts'
import type { BenchTable } from './table.ts'
import { MIGRATIONS_DIR } from '../main/controller/test-kit/paths.ts'

const DEVICES = 1_000
const ROUNDS = 2_000
const SCANS = 5

function fill(dataDir: string, targets: number): ReturnType<typeof openStore> {
  const store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  const db = store.sqlite
  db.pragma('synchronous = OFF')
  const deployments = targets / DEVICES
  store.transaction(() => {
    db.exec(
      `insert into software (name, version, publisher, origin, created_at) values ('bench', '1', '', 'library', '2026')`,
    )
    db.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${DEVICES})
      insert into devices (name, platform, arch, os_version, agent_version, public_key, approved, enrolled_at)
      select 'PC-' || i, 'linux', 'x64', '', '', 'key ' || i, 1, '2026' from n`)
    db.exec(`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${deployments})
      insert into deployments (name, status, created_at, action, strategy_type, offline_policy, wait_minutes, software_names, device_count, completed)
      select 'Deployment ' || i, 'completed', '2026', 'install', 'parallel', 'fail', 60, '[]', ${DEVICES}, ${DEVICES} from n`)
    db.exec(`insert into deployment_targets (deployment_id, device_id, software_id, position, deployment_status, since, completed_at)
      select p.id, d.id, 1, 0, 'completed', '2026', '2026' from deployments p cross join devices d`)
  })
  db.pragma('synchronous = FULL')
  return store
}

export function progress(options: { targets: number }): BenchTable {
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const store = fill(dataDir, options.targets)
  try {
    const repo = createDeploymentsRepo(store)
    const id = Math.ceil(options.targets / DEVICES / 2) as DeploymentId
    const scan = store.sqlite.prepare(
      'select deployment_status, count(*) n from deployment_targets not indexed where deployment_id = ? group by 1',
    )
    const time = (rounds: number, work: () => unknown): number => {
      work()
      const startMs = performance.now()
      for (let i = 0; i < rounds; i++) work()
      return (performance.now() - startMs) / rounds
    }
    const countersMs = time(ROUNDS, () => repo.byId(id))
    const scanMs = time(SCANS, () => scan.all(id))
    const targetsMs = time(SCANS, () => repo.views(id, null))
    const row = (name: string, oursMs: number) => ({
      name,
      ours: `${oursMs.toFixed(3)} ms`,
      reference: `${scanMs.toFixed(1)} ms`,
      ratio: oursMs / scanMs,
    })
    return {
      title: `progress: a store with ${options.targets} targets`,
      reference: 'counting the rows without an index',
      rows: [
        row('targets by state', countersMs),
        row(`all ${DEVICES} targets of one deployment with their names`, targetsMs),
      ],
      notes: [],
    }
  } finally {
    store.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
