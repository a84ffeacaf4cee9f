/** The marker files that Debian packages create to request a restart, as real files. */
import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { restartAskedSince, restartMarks } from './reboot.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => (folder = makeFolder()))
afterEach(() => folder.remove())

describe.skipIf(process.platform !== 'linux')('a restart request', () => {
  it('counts from the moment when an installer was prepared', () => {
    const mark = join(folder.path, 'reboot-required')
    const marks = [join(folder.path, 'elsewhere'), mark]
    const write = (): void => writeFileSync(mark, '*** System restart required ***')

    const none = restartMarks(marks)
    expect(restartAskedSince(none, marks), 'no marker').toBe(false)
    write()
    expect(restartAskedSince(none, marks), 'written by this installer').toBe(true)
    const earlier = restartMarks(marks)
    expect(restartAskedSince(earlier, marks), 'left by an earlier installer').toBe(false)
    write()
    expect(restartAskedSince(earlier, marks), 'written again').toBe(true)
    rmSync(mark)
    expect(restartAskedSince(earlier, marks), 'removed again').toBe(false)
  })

  it.each([-86_400_000, 86_400_000])(
    'is detected after the clock was set by %i ms while the installer ran',
    (byMs) => {
      const mark = join(folder.path, 'reboot-required')
      writeFileSync(mark, '')
      const before = restartMarks([mark])
      expect(restartAskedSince(before, [mark])).toBe(false)
      writeFileSync(mark, '')
      const then = new Date(Date.now() + byMs)
      utimesSync(mark, then, then)
      expect(restartAskedSince(before, [mark])).toBe(true)
    },
  )

  it('is not reported if an older agent recorded no markers', () => {
    const mark = join(folder.path, 'reboot-required')
    writeFileSync(mark, '')
    expect(restartAskedSince(undefined, [mark])).toBe(false)
  })
})
