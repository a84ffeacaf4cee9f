/** Entries of one actor, in the part of the log that is indexed and in the part that is not yet. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import type { UserId } from '#shared/domain/ids.ts'
import { openStore, type Store } from '../../store/store.ts'
import { MIGRATIONS_DIR } from '../../test-kit/paths.ts'
import { createAuditRepo, type AuditFilter, type AuditRepo } from './audit.repo.ts'

let dataDir: string
let store: Store
let repo: AuditRepo
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'deployx-actors-'))
  store = openStore({
    dataDir,
    migrationsDir: MIGRATIONS_DIR,
    clock: systemClock,
    random: systemRandom,
  })
  repo = createAuditRepo(store)
})
afterEach(() => {
  store.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const add = (actor: string, subject: string): void =>
  repo.insert({
    at: '2026-01-01T00:00:00.000Z',
    actor_id: 1 as UserId,
    actor,
    action: 'user.login',
    subject,
    details: '',
  })
/** Subjects of the page, and the total. */
function found(filter: Partial<AuditFilter>): [string[], number] {
  const { rows, total } = repo.page({ actorId: null, ...filter }, { limit: 10, offset: 0 })
  return [rows.map((row) => row.subject), total]
}

it('finds every spelling of a name, and no other name', () => {
  add('technician-1', 'first vlc')
  add('technician-2', 'second vlc')
  add('TECHNICIAN-2', 'third zoom')
  while (repo.index(10) > 0);
  add('Technician-2', 'fourth vlc')
  expect(found({ actor: 'technician-1' })).toEqual([['first vlc'], 1])
  expect(found({ actor: ' Technician-2' })).toEqual([['fourth vlc', 'third zoom', 'second vlc'], 3])
  expect(found({ actor: 'technician-2', q: 'VLC' })).toEqual([['fourth vlc', 'second vlc'], 2])
  expect(found({ actor: 'technician-2', action: 'user.login', q: 'zoom' })).toEqual([
    ['third zoom'],
    1,
  ])
  expect(found({ actor: 'technician' })).toEqual([[], 0])
  expect(found({ actor: 'nobody', q: 'vlc' })).toEqual([[], 0])
})

it('finds an actor who is in the later part only', () => {
  add('anna', 'first')
  while (repo.index(10) > 0);
  add('ben', 'second')
  expect(found({ actor: 'BEN' })).toEqual([['second'], 1])
})

it('reads no entry of others to find that there is none', () => {
  for (let i = 0; i < 20; i++) add('anna', `vlc ${i}`)
  while (repo.index(10) > 0);
  const folded: string[] = []
  store.sqlite.function('folded_name', (name) => {
    folded.push(String(name))
    return ''
  })
  expect(found({ actor: 'nobody', since: '2025-01-01T00:00:00.000Z' })).toEqual([[], 0])
  expect(folded).toEqual([])
})
