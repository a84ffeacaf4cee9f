/** The inspection as a whole: limits on misbehaving readers, taking turns, and that no reader runs on the hub's thread. */
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { writeFileSync } from 'node:fs'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeProgram } from '../../test-kit/windows-packages.ts'
import { openWindow } from './readers/window.ts'
import { createQueue } from './queue.ts'
import { testKitFile } from '../../test-kit/paths.ts'

const WORKER = testKitFile('misbehaving-readers.ts')
const QUICK = { timeMs: 600, heapMiB: 48, youngHeapMiB: 8, bufferMiB: 16, progressMiB: 1 }

const hasSources = process.features.typescript
describe.runIf(hasSources)('the inspection of a file that misuses its reader', () => {
  const hasty = openInspector({ workerFile: WORKER, limits: QUICK })
  const inspector = openInspector({ workerFile: WORKER, limits: { ...QUICK, timeMs: 60_000 } })
  afterAll(async () => {
    await hasty.close()
    await inspector.close()
  })
  afterEach(async () => {
    // Even if the worker had to end, the next file is inspected, by a new one.
    expect(await inspector.look('a.sh', 'sound')).toMatchObject({ name: 'sound' })
  })
  const refusal = (behaviour: string, by = inspector) =>
    by.look('a.sh', `${behaviour}\n${'x'.repeat(1_000)}`).then(
      () => expect.unreachable('the file was accepted'),
      (error: unknown) => error,
    )
  const limited = (limit: string) => ({
    code: 'E_PACKAGE_LIMIT',
    details: [{ path: '/file', message: `needs more than ${limit}` }],
  })

  it.each(['loop', 'never', 'regex'])('(%s) ends after the time limit', async (behaviour) => {
    expect(await refusal(behaviour, hasty)).toMatchObject(limited('0.6 s'))
  })
  it.each(['heap', 'string'])('(%s) ends at the heap limit', async (behaviour) => {
    expect(await refusal(behaviour)).toMatchObject(limited('48 MiB of memory'))
  })
  it.each(['buffers', 'unpack'])('(%s) ends at the limit on buffers', async (behaviour) => {
    expect(await refusal(behaviour)).toMatchObject(limited('16 MiB of memory'))
  })

  it.each(['throw', 'stack', 'reject', 'exit'])(
    '(%s) refuses the file as unreadable',
    async (behaviour) => {
      inspector.faults.length = 0
      expect(await refusal(behaviour)).toMatchObject({ code: 'E_PACKAGE_UNREADABLE' })
      expect(inspector.faults).toHaveLength(behaviour === 'exit' ? 0 : 1)
    },
  )

  it('(missing) reports a failure of the disk as such, not as an unreadable file', async () => {
    const error = await refusal('missing')
    expect(error).toBeInstanceOf(Error)
    expect(error).not.toHaveProperty('code')
  })

  it('keeps the main thread free while a reader loops', async () => {
    let longestMs = 0
    let last = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      longestMs = Math.max(longestMs, now - last)
      last = now
    }, 1)
    await refusal('loop', hasty)
    clearInterval(timer)
    expect(longestMs).toBeLessThan(QUICK.timeMs / 2)
  })
})

describe.runIf(hasSources)('the time limit of an archive that is streamed', () => {
  it('starts again after every few MiB that were read', async () => {
    const inspector = openInspector({ workerFile: WORKER, limits: QUICK })
    const bounded = openInspector({ workerFile: WORKER, limits: { ...QUICK, wholeTimeMs: 700 } })
    try {
      // 40 steps of 50 ms, longer than the limit, each with 1 MiB of progress.
      expect(await inspector.look('a.tar.gz', 'streams on')).toMatchObject({ name: 'streamed' })
      await expect(bounded.look('a.tar.gz', 'streams on')).rejects.toMatchObject({
        code: 'E_PACKAGE_LIMIT',
        details: [{ message: 'needs more than 0.7 s' }],
      })
    } finally {
      await inspector.close()
      await bounded.close()
    }
  })
})

describe('readers', () => {
  const inspector = openInspector()
  afterAll(() => inspector.close())

  it('run in their own thread, and refuse to run on the main thread', async () => {
    const path = join(inspector.folder, 'a.exe')
    writeFileSync(path, makeProgram({ strings: {} }))
    const file = { path, fileName: 'a.exe', kind: 'exe', asked: [] } as const
    expect(await inspector.inspection.threadOf(file)).not.toBe(threadId)
    expect(() => openWindow({ path, budgetMiB: 1 })).toThrow('in the inspection worker only')
  })

  it.runIf(hasSources)('end when the inspection stops', async () => {
    const stopped = openInspector({ workerFile: WORKER })
    const looking = stopped.look('a.sh', 'never')
    const waiting = stopped.look('b.sh', 'sound')
    const ends = [looking, waiting].map((one) =>
      expect(one).rejects.toThrow('The controller stopped'),
    )
    await stopped.close()
    await Promise.all(ends)
  })
})

describe('the queue of the readers', () => {
  it('lets lanes take turns, and refuses a task when its limit is reached', async () => {
    const queue = createQueue(4)
    const order: string[] = []
    let open = (): void => undefined
    const first = queue.run('a', () => new Promise<void>((resolve) => (open = resolve)))
    const enter = (lane: string, name: string) => queue.run(lane, async () => void order.push(name))
    const waiting = [enter('a', 'a1'), enter('a', 'a2'), enter('a', 'a3'), enter('b', 'b1')]
    await expect(enter('c', 'c1')).rejects.toMatchObject({ code: 'E_RATE_LIMITED' })
    open()
    await Promise.all([first, ...waiting])
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3'])
  })

  it('continues after a task that failed', async () => {
    const queue = createQueue(4)
    await expect(queue.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await queue.run('a', () => Promise.resolve(1))).toBe(1)
  })
})
