/**
 * Every statement of every repository, by its query plan: one that reads or sorts a whole table that grows is known, with a
 * reason, or a failure. The store has no statistics (the product never runs ANALYZE), so plans depend on the schema alone,
 * and one row of everything shows the same plans as a million.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { readLog } from '../slices/audit/audit.repo.ts'
import { isWhole, knowsContent, listContents, listSealed } from '../slices/check/contents.repo.ts'
import { createCheck } from '../slices/signing/check.ts'
import { MIGRATIONS_DIR, PROJECT_ROOT } from '../test-kit/paths.ts'
import { calls } from '../test-kit/query-plans/calls.ts'
import { KNOWN } from '../test-kit/query-plans/known.ts'
import { SMALL_TABLES, watchPlans } from '../test-kit/query-plans/plans.ts'
import { allRepositories, CONTENT, fillStore } from '../test-kit/query-plans/rows.ts'
import { openStore, type Store } from './store.ts'

/** Exported functions of `*.repo.ts` files that make no repository. */
const READERS = ['readLog', 'isWhole', 'listContents', 'listSealed', 'knowsContent']
/** What makes the repositories whose functions are called below: `users` by createUsersRepo. */
const MAKERS = Object.keys(calls).map((name) =>
  name === 'counters' ? 'createCounters' : `create${upperFirst(name)}Repo`,
)
/** Parts of the repository of deployments. */
const PARTS = [
  'createAuditIndexRepo',
  'createListRepo',
  'createAttemptsRepo',
  'createTargetViewsRepo',
  'createTargetsRepo',
]

let dataDir: string
let store: Store
let watch: ReturnType<typeof watchPlans>

/** Undoes what a call changed, so that every call starts with the same rows. */
function undone(work: () => unknown): void {
  store.sqlite.exec('savepoint before_call')
  try {
    work()
  } finally {
    store.sqlite.exec('rollback to before_call')
    store.sqlite.exec('release before_call')
  }
}

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-plans-'))
  store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  fillStore(allRepositories(store))
  watch = watchPlans()
  const repositories = allRepositories(store)
  for (const [name, functions] of Object.entries(calls)) {
    const repository = repositories[name as keyof typeof repositories]
    for (const [member, call] of Object.entries(functions) as [string, object][]) {
      const variants = typeof call === 'function' ? { '': call } : call
      for (const [variant, run] of Object.entries(variants) as [string, (r: unknown) => void][]) {
        const title = `${name}.${member}${variant && ` (${variant})`}`
        undone(() => watch.during(title, () => run(repository)))
      }
    }
  }
  watch.during('audit.readLog', () => readLog(store.file, (rows) => [...rows]))
  watch.during('check.isWhole', () => isWhole(store.sqlite))
  watch.during('check.listContents', () => listContents(store.sqlite))
  watch.during('check.listSealed', () => listSealed(store.sqlite))
  watch.during('check.knowsContent', () => knowsContent(store.sqlite, CONTENT))
  watch.prepared('signing.check', () => createCheck(store.file, null))
})
afterAll(() => {
  watch.stop()
  store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

describe('the statements of the repositories', () => {
  it('all ran, so that their plans were seen', () => {
    expect(watch.notRun()).toEqual([])
  })

  it('belong to functions that are all known here', async () => {
    const root = join(PROJECT_ROOT, 'main/controller')
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    const found: string[] = []
    for (const file of files.filter((name) => name.endsWith('.repo.ts'))) {
      const exported = (await import(join(root, file))) as Record<string, unknown>
      for (const [name, value] of Object.entries(exported))
        if (typeof value === 'function' && !(value.prototype instanceof Error)) found.push(name)
    }
    expect(found.sort()).toEqual([...MAKERS, ...PARTS, ...READERS].sort())
  })

  it('have plans that depend on the schema alone', () => {
    const statistics = store.sqlite
      .prepare("select name from sqlite_master where name like 'sqlite_stat%'")
      .all()
    expect(statistics).toEqual([])
  })

  it('read and sort no whole table that grows, except where that is known', () => {
    const found: Record<string, string[]> = {}
    for (const [name, list] of watch.findings) {
      const steps = [...new Set(list.map(({ step }) => step))].sort()
      if (steps.length > 0) found[name] = steps
    }
    const known = Object.fromEntries(
      Object.entries(KNOWN).map(([name, steps]) => [name, Object.keys(steps).sort()]),
    )
    expect(found).toEqual(known)
  })

  it('use only small tables that exist', () => {
    const tables = store.sqlite
      .prepare<[], string>("select name from sqlite_master where type = 'table'")
      .pluck()
      .all()
    expect(tables).toEqual(expect.arrayContaining(Object.keys(SMALL_TABLES)))
  })
})
