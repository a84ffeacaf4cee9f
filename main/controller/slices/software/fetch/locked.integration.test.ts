/** Another program locks the database while a package arrives: the fetch waits, and never fails because of it. */
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { AppError } from '#shared/contract/errors.ts'
import { until } from '#shared/test-kit/until.ts'
import { file, openFetchStage, type FetchStage } from '../../../test-kit/fetch-stage.ts'
import type { Inspection } from '../../inspection/index.ts'

let stage: FetchStage
let other: Database.Database | null
beforeEach(async () => {
  other = null
  stage = await openFetchStage()
})
afterEach(async () => {
  other?.close()
  await stage.close()
})

function lockDatabase(): void {
  other = new Database(stage.library.store.file)
  other.exec('BEGIN IMMEDIATE')
}
/** A library that runs `work` during each inspection. */
async function openWith(work: () => void) {
  const inspect = (): Promise<object> => {
    work()
    return Promise.resolve({ detection: null })
  }
  await stage.replace({ inspection: { inspect } as unknown as Inspection })
  const { store, software } = stage.library
  store.setLockTimeout('serving')
  stage.routes.set('/a.sh', file(Buffer.from('#!/bin/sh\n')))
  const row = stage.add({ download_url: `${stage.base}/a.sh` })
  return {
    row,
    current: () => software.installersOf(row.software_id)[0]!,
    waits: vi.spyOn(store, 'whenWritable'),
  }
}

it('waits for the lock before the inspection', async () => {
  const { row, waits } = await openWith(() => undefined)
  lockDatabase()
  const done = stage.settle(row)
  await until('a wait for the lock', () => waits.mock.calls.length > 0)
  other!.close()
  expect(await done).toMatchObject({ fetch_state: 'ready', fetch_reason: null })
})

it('waits for the lock before the package is stored', async () => {
  const { row, waits } = await openWith(lockDatabase)
  const done = stage.settle(row)
  await until('a second wait for the lock', () => waits.mock.calls.length > 1)
  other!.close()
  expect(await done).toMatchObject({ fetch_state: 'ready', fetch_reason: null, inspections: 0 })
})

it('tries again later if the lock outlasts the wait, although the inspection is still counted', async () => {
  const busy = new AppError('E_BUSY', 'locked')
  const { row, current, waits } = await openWith(() => {
    if (stage.asked.length === 1) waits.mockRejectedValueOnce(busy)
  })
  const { software, logged } = stage.library
  software.startFetches()
  await until('the busy database', () => logged().includes('outcome of a fetch was not stored'))
  expect(current()).toMatchObject({ fetch_state: 'fetching', fetch_reason: null, inspections: 1 })
  expect(await stage.settle(row)).toMatchObject({ fetch_state: 'ready', inspections: 0 })
})
