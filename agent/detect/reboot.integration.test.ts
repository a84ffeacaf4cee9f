/** The marks that packages of Debian leave when they want a restart, as real files. */
import { rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { restartAskedSince, restartMarks } from './reboot.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => (folder = makeFolder()))
afterEach(() => folder.remove())

describe.skipIf(process.platform !== 'linux')('the wish for a restart', () => {
  it('counts from the moment on at which an installer was prepared', () => {
    const mark = join(folder.path, 'reboot-required')
    const marks = [join(folder.path, 'elsewhere'), mark]
    const write = (): void => writeFileSync(mark, '*** System restart required ***')

    const none = restartMarks(marks)
    expect(restartAskedSince(none, marks), 'no mark').toBe(false)
    write()
    expect(restartAskedSince(none, marks), 'written by this installer').toBe(true)
    const earlier = restartMarks(marks)
    expect(restartAskedSince(earlier, marks), 'left by an earlier one').toBe(false)
    write()
    expect(restartAskedSince(earlier, marks), 'written again').toBe(true)
    rmSync(mark)
    expect(restartAskedSince(earlier, marks), 'taken away again').toBe(false)
  })

  it.each([-86_400_000, 86_400_000])(
    'counts after the clock was set by %i ms while the installer ran',
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

  it('is not claimed where an older agent noted no marks', () => {
    const mark = join(folder.path, 'reboot-required')
    writeFileSync(mark, '')
    expect(restartAskedSince(undefined, [mark])).toBe(false)
  })
})
