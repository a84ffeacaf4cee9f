import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openInspector } from '../../../test-kit/inspector.ts'
import type { InstallerRow } from '../index.ts'
import { file, openFetchStage, type FetchStage } from '../../../test-kit/fetch-stage.ts'
import { testKitFile } from '../../../test-kit/paths.ts'

let stage: FetchStage
beforeEach(async () => void (stage = await openFetchStage()))
afterEach(() => stage.close())

describe.runIf(process.features.typescript)('a fetched file that harms its reader', () => {
  const readers = testKitFile('misbehaving-readers.ts')
  const inspector = openInspector({
    workerFile: readers,
    limits: { timeMs: 500, heapMiB: 48, youngHeapMiB: 8 },
  })
  afterAll(() => inspector.close())
  const rowOf = (row: InstallerRow) => stage.library.software.installersOf(row.software_id)[0]!

  it.each(['loop', 'heap', 'throw'])(
    '(%s) fails, leaves nothing, and is not fetched again at the next start',
    async (behaviour) => {
      await stage.replace({ inspection: inspector.inspection })
      stage.routes.set('/a.sh', file(Buffer.from(`${behaviour}\n`)))
      const done = await stage.fetchFrom('/a.sh')
      expect(done).toMatchObject({ fetch_state: 'failed', fetch_reason: 'integrity', sha256: null })
      expect(stage.library.files()).toEqual([])
      expect(stage.library.count('contents')).toBe(0)
      await stage.restart({ inspection: inspector.inspection })
      stage.library.software.startFetches()
      expect(stage.asked).toEqual(['/a.sh'])
      // A person may request it again.
      stage.routes.set('/a.sh', file(Buffer.from('sound\n')))
      stage.library.software.retryFetches([done.id])
      expect(await stage.settle(done)).toMatchObject({ fetch_state: 'ready', inspections: 0 })
    },
  )

  it('is not fetched again when it crashed the controller itself', async () => {
    await stage.replace({ inspection: inspector.inspection })
    const row = stage.add({ download_url: `${stage.base}/a.sh` })
    // The row as left by a process that died during the inspection.
    stage.library.store.sqlite.prepare('update installers set inspections = 1').run()
    expect(await stage.settle(row)).toMatchObject({
      fetch_state: 'failed',
      fetch_reason: 'integrity',
      fetch_message: expect.stringContaining('ended while it inspected this package') as string,
    })
    expect(stage.asked).toEqual([])
  })

  it('has its inspection counted before it begins, but not when the controller stops', async () => {
    const own = openInspector({ workerFile: readers })
    await stage.replace({ inspection: own.inspection })
    stage.routes.set('/a.sh', file(Buffer.from('never\n')))
    const row = stage.add({ download_url: `${stage.base}/a.sh` })
    stage.library.software.startFetches()
    await expect.poll(() => rowOf(row).inspections).toBe(1)
    await own.close()
    await expect.poll(() => rowOf(row).inspections).toBe(0)
    expect(rowOf(row).fetch_state).toBe('fetching')
  })
})
