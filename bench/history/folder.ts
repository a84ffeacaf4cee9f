/** The data folder with a year of history: made once, then kept for later runs and copied for each. */
import { createHash, createPrivateKey } from 'node:crypto'
import {
  constants,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { MIGRATIONS_DIR } from '../../main/controller/test-kit/paths.ts'
import { startTestController } from '../../main/controller/test-kit/test-controller.ts'
import { openStore } from '../../main/controller/store/store.ts'
import { createAuditRepo } from '../../main/controller/slices/audit/audit.repo.ts'
import { createListRepo } from '../../main/controller/slices/deployments/tables/list.repo.ts'
import { createInventoryRepo } from '../../main/controller/slices/inventory/inventory.repo.ts'
import { seedAuditLog, seedTables, type Year } from './seed-rows.ts'

/** Later, too little of the history would be of the last seven days. */
const KEPT_MS = 3 * 24 * 3_600_000
/** Deployments that have not ended: they wait for PCs that are away. */
const WAITING = 20
const WAITING_DEVICES = 100
const INDEXED_AT_ONCE = 20_000

export type Size = Omit<Year, 'endMs'>
export type HistoryFolder = { dataDir: string; seededMs: number | null; bytes: number }

/** Of the code that writes the rows, and of the tables that it writes. */
function keyOf(size: Size): string {
  const hash = createHash('sha256').update(JSON.stringify(size))
  for (const file of [
    join(MIGRATIONS_DIR, 'meta/_journal.json'),
    join(import.meta.dirname, 'seed-rows.ts'),
    join(import.meta.dirname, 'folder.ts'),
  ])
    hash.update(readFileSync(file))
  return hash.digest('hex').slice(0, 16)
}

async function seed(dataDir: string, size: Size): Promise<void> {
  const endMs = Date.now() - 3_600_000
  const first = await startTestController({ dataDir })
  await first.addScript('script')
  await first.stop()
  const store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  try {
    // A seeding that breaks off is thrown away, so nothing has to survive a crash.
    store.sqlite.pragma('journal_mode = OFF')
    store.sqlite.pragma('synchronous = OFF')
    store.sqlite.pragma('cache_size = -524288')
    const key = createPrivateKey(readFileSync(join(dataDir, 'keys', 'command-signing.key')))
    store.transaction(() => {
      seedTables(store, { ...size, endMs })
      seedAuditLog(store, { ...size, endMs }, key)
    })
    // The controller does this in the background.
    const indexes = [
      createAuditRepo(store).index,
      createListRepo(store).index,
      createInventoryRepo(store).index,
    ]
    for (const index of indexes) while (index(INDEXED_AT_ONCE) === INDEXED_AT_ONCE);
    store.sqlite.pragma('journal_mode = WAL')
  } finally {
    store.close()
  }
}

/** Through the product, because their state is the engine's. */
export const waitingDeployments = (size: Size) =>
  Array.from({ length: WAITING }, (_, i) => ({
    name: `Waiting ${i}`,
    software_ids: [1 + i],
    device_ids: Array.from(
      { length: Math.min(WAITING_DEVICES, size.devices / 2 / WAITING) },
      (_device, j) => size.devices / 2 + i * WAITING_DEVICES + j + 1,
    ),
    offline_policy: 'wait' as const,
    wait_minutes: 14 * 24 * 60,
    // Half of them start later.
    ...(i % 2 && { scheduled_at: new Date(Date.now() + 3_600_000_000).toISOString() }),
  }))

/** A copy that the caller may change, and removes. */
export async function openHistory(size: Size): Promise<HistoryFolder> {
  const kept = join(tmpdir(), `deployx-history-${keyOf(size)}`)
  const stamp = join(kept, 'seeded.json')
  let seededMs: number | null = null
  if (existsSync(stamp) && Date.now() - statSync(stamp).mtimeMs > KEPT_MS)
    rmSync(kept, { recursive: true })
  if (!existsSync(stamp)) {
    rmSync(kept, { recursive: true, force: true })
    const made = mkdtempSync(join(tmpdir(), 'deployx-seeding-'))
    const startMs = performance.now()
    await seed(made, size)
    seededMs = performance.now() - startMs
    writeFileSync(join(made, 'seeded.json'), JSON.stringify({ seededMs }))
    renameSync(made, kept)
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'deployx-bench-'))
  cpSync(kept, dataDir, { recursive: true, mode: constants.COPYFILE_FICLONE })
  return { dataDir, seededMs, bytes: statSync(join(dataDir, 'deployx.db')).size }
}
