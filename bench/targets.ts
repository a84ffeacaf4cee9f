/**
 * One deployment to a very large number of devices: how long the request takes, and how long it blocks the
 * hub's event loop until the engine has nothing left to write. Reference: the same rows inserted by a bare
 * prepared statement in a loop, in one transaction.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { addDevices, startQuietController } from './fleet.ts'
import { watchStalls } from './stalls.ts'
import { median, type BenchTable } from './table.ts'

const SETTLE_MS = 2_000

/**
 * Inserts the rows of one deployment, one statement each, into tables and indexes like the product's.
 * Milliseconds.
 */
function bareLoop(dataDir: string, count: number): number {
  const folder = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  const source = new Database(join(dataDir, 'deployx.db'), { readonly: true })
  const bare = new Database(join(folder, 'bare.db'))
  try {
    bare.pragma('journal_mode = WAL')
    bare.pragma('synchronous = FULL')
    const schema = source
      .prepare<[], { sql: string }>(
        "select sql from sqlite_master where tbl_name = 'deployment_targets' and sql is not null",
      )
      .all()
    for (const { sql } of schema) bare.exec(sql)
    bare.pragma('foreign_keys = OFF') // the tables it refers to do not exist here
    const insert = bare.prepare(
      `insert into deployment_targets (deployment_id, device_id, software_id, installer_id, position, wave, deployment_status, attempt, since)
       values (1, ?, 1, 1, 0, 1, 'pending', 1, '2026-01-01T00:00:00.000Z')`,
    )
    const startMs = performance.now()
    bare.transaction(() => {
      for (let i = 1; i <= count; i++) insert.run(i)
    })()
    return performance.now() - startMs
  } finally {
    bare.close()
    source.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function targets(options: { count: number; runs: number }): Promise<BenchTable> {
  const { count, runs } = options
  const test = await startQuietController()
  try {
    const software = await test.addScript('bench')
    const ids = addDevices(
      test,
      Array.from({ length: count }, (_, i) => `key ${i}`),
    )
    const posts: number[] = []
    const stalls: number[] = []
    const loops: number[] = []
    for (let run = 0; run <= runs; run++) {
      const readStalls = watchStalls()
      const startMs = performance.now()
      const { deployment_id } = await test.rest.call('deployments.create', {
        body: {
          name: `run ${run}`,
          software_ids: [software.id],
          device_ids: ids,
          // No agent is connected: every target is checked, and waits.
          offline_policy: 'wait',
        },
      })
      const postMs = performance.now() - startMs
      await sleep(SETTLE_MS)
      const { longestMs } = readStalls()
      await test.rest.call('deployments.cancel', { params: { id: deployment_id } })
      await sleep(SETTLE_MS)
      const loopMs = bareLoop(test.dataDir, count)
      // The first run warms up code and caches.
      if (run === 0) continue
      posts.push(postMs)
      stalls.push(longestMs)
      loops.push(loopMs)
    }
    const [post, loop] = [median(posts), median(loops)]
    return {
      title: `targets: one deployment to ${count} devices, median of ${runs} runs`,
      reference: 'the same rows in a bare prepared loop, one transaction',
      rows: [
        {
          name: 'POST /deployments/create, answer included',
          ours: `${post.toFixed(1)} ms`,
          reference: `${loop.toFixed(1)} ms`,
          ratio: post / loop,
        },
      ],
      notes: [
        `longest gap of the hub's loop, planning of all targets included: ${median(stalls).toFixed(1)} ms`,
        'client and controller share the process: building and parsing the request counts as well',
      ],
    }
  } finally {
    await test.stop()
  }
}
