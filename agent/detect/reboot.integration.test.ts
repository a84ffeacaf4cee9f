/** The marks that packages of Debian leave when they want a restart, as real files. */
import { rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { restartAskedSince } from './reboot.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => (folder = makeFolder()))
afterEach(() => folder.remove())

describe.skipIf(process.platform !== 'linux')('the wish for a restart', () => {
  it('counts from the moment on at which an installer was prepared', () => {
    const mark = join(folder.path, 'reboot-required')
    const spec = join(folder.path, 'spec.json')
    const asks = (): boolean =>
      restartAskedSince(statSync(spec).mtimeMs, [join(folder.path, 'elsewhere'), mark])

    writeFileSync(spec, '')
    expect(asks(), 'no mark').toBe(false)
    writeFileSync(mark, '*** System restart required ***')
    expect(asks(), 'written by this installer').toBe(true)
    const before = new Date(Date.now() - 60_000)
    utimesSync(mark, before, before)
    expect(asks(), 'left by an earlier one').toBe(false)
    writeFileSync(mark, '*** System restart required ***')
    expect(asks(), 'written again').toBe(true)
    rmSync(mark)
    expect(asks(), 'taken away again').toBe(false)
  })
})
