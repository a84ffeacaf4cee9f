/** The marker files that Debian packages create to request a restart, as real files. */
import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { restartRequestedSince, restartMarkers } from './reboot.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => (folder = makeFolder()))
afterEach(() => folder.remove())

describe.skipIf(process.platform !== 'linux')('a restart request', () => {
  it('counts from the moment when an installer was prepared', () => {
    const mark = join(folder.path, 'reboot-required')
    const marks = [join(folder.path, 'elsewhere'), mark]
    const write = (): void => writeFileSync(mark, '*** System restart required ***')

    const none = restartMarkers(marks)
    expect(restartRequestedSince(none, marks), 'no marker').toBe(false)
    write()
    expect(restartRequestedSince(none, marks), 'written by this installer').toBe(true)
    const earlier = restartMarkers(marks)
    expect(restartRequestedSince(earlier, marks), 'left by an earlier installer').toBe(false)
    write()
    expect(restartRequestedSince(earlier, marks), 'written again').toBe(true)
    rmSync(mark)
    expect(restartRequestedSince(earlier, marks), 'removed again').toBe(false)
  })

  it.each([-86_400_000, 86_400_000])(
    'is detected after the clock was set by %i ms while the installer ran',
    (byMs) => {
      const mark = join(folder.path, 'reboot-required')
      writeFileSync(mark, '')
      const before = restartMarkers([mark])
      expect(restartRequestedSince(before, [mark])).toBe(false)
      writeFileSync(mark, '')
      const then = new Date(Date.now() + byMs)
      utimesSync(mark, then, then)
      expect(restartRequestedSince(before, [mark])).toBe(true)
    },
  )

  it('is not reported if an older agent recorded no markers', () => {
    const mark = join(folder.path, 'reboot-required')
    writeFileSync(mark, '')
    expect(restartRequestedSince(undefined, [mark])).toBe(false)
  })
})
