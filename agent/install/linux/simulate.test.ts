import { coded } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  namesOf,
  NO_SIDE_EFFECTS,
  meetsCondition,
  parseAptSimulation,
  parseDpkgSimulation,
  parseObsoletes,
  refusalOf,
  simulateApt,
  simulateDpkg,
  type SideEffects,
} from './simulate.ts'

const APT = `NOTE: This is only a simulation!
Remv office [1.0]
Remv tool:i386 [0.9]
Inst tool (1.0 local-deb [all])
Inst libfoo [2.0] (1.9-1 Debian:12 [amd64])
Inst libbar [1.0] (1.1 Debian:12 [amd64])
Conf tool (1.0 local-deb [all])
`

describe('the side effects of a transaction', () => {
  it("are read from apt-get's simulation", () => {
    expect(parseAptSimulation(APT, 'tool')).toEqual({
      removed: ['office 1.0'],
      downgraded: ['libfoo 2.0 to 1.9-1'],
    })
    expect(parseAptSimulation('Remv tool [1.0]\n', 'tool')).toEqual({ removed: [], downgraded: [] })
    expect(parseAptSimulation('Purg other [1]\n', 'tool').removed).toEqual(['other 1'])
  })

  it("are read from dpkg's output", () => {
    const text = `dpkg: considering removing office in favour of tool ...
dpkg: yes, will remove office in favour of tool
dpkg: warning: downgrading lib from 2.0 to 1.0
`
    expect(parseDpkgSimulation(text)).toEqual({
      removed: ['office'],
      downgraded: ['lib 2.0 to 1.0'],
    })
  })

  it('are the packages that an rpm package replaces', () => {
    expect(parseObsoletes('old\t < \t2.0\nany\t\t\n')).toEqual([
      { name: 'old', condition: '<', version: '2.0' },
      { name: 'any', condition: '', version: '' },
    ])
    expect(meetsCondition('0:1.9-1', '<', '2.0')).toBe(true)
    expect(meetsCondition('0:2.0-1', '<', '2.0')).toBe(false)
    expect(meetsCondition('0:2.0-1', '<=', '2.0')).toBe(true)
    expect(meetsCondition('1:1.0-1', '<', '2.0')).toBe(false)
    expect(meetsCondition('0:1.0-1', '', '')).toBe(true)
  })

  it('are named in the refusal, however many there are', () => {
    const none = { removed: [], downgraded: [] }
    const run = { tool: 'apt-get', mayRemove: false, isGuarded: false }
    const refusal = (effects: SideEffects, action: 'install' | 'uninstall' = 'install') =>
      compose(refusalOf(effects, { ...run, action })!.text)
    expect(refusalOf(none, { ...run, action: 'install' })).toBeNull()
    expect(refusal({ ...none, removed: ['office 1.0'] })).toContain('remove office 1.0')
    expect(refusal({ ...none, removed: ['a 1'] }, 'uninstall')).toContain('also remove a 1')
    const many = Array.from({ length: 30 }, (_, i) => `p${i}`)
    expect(refusal({ ...none, removed: many })).toMatch(/p19 and 10 more on this PC/)
    const both = { removed: ['office 1.0'], downgraded: ['lib 2.0 to 1.0'] }
    expect(refusal(both)).toContain('would remove office 1.0 and downgrade lib 2.0 to 1.0 on')
    expect(compose(coded('installed', { exit_code: 0, ...namesOf(both) }))).toContain(
      'It also removed office 1.0 and downgraded lib 2.0 to 1.0.',
    )
  })
})

describe('a simulation that gives no answer', () => {
  const run = { tool: 'apt-get', action: 'uninstall', mayRemove: false, isGuarded: false } as const

  it('defers what nothing else would keep from removing other packages', () => {
    const refusal = refusalOf(null, run)!
    expect(refusal.reason).toBe('retry_later')
    expect(compose(refusal.text)).toContain('apt-get did not say in time')
  })
  it('does not matter if the deployment allows removals, or the tool itself refuses them', () => {
    expect(refusalOf(null, { ...run, mayRemove: true })).toBeNull()
    expect(refusalOf(null, { ...run, action: 'install', isGuarded: true })).toBeNull()
  })

  describe.skipIf(process.platform === 'win32')('of a real process', () => {
    let folder: string
    beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'deployx-simulate-'))))
    afterEach(() => rmSync(folder, { recursive: true, force: true }))
    function program(name: string, body: string): Record<string, string> {
      writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
      return { PATH: `${folder}:/usr/bin:/bin` }
    }

    it('is one that is killed', async () => {
      expect(await simulateApt([], null, program('apt-get', 'exec sleep 60'), 200)).toBeNull()
      expect(await simulateDpkg([], program('dpkg', 'exec sleep 60'), 200)).toBeNull()
    })
    it('is not one that fails: the tool itself reports why', async () => {
      const env = program('apt-get', 'echo "Remv other [1]"; exit 100')
      expect(await simulateApt([], null, env)).toEqual(NO_SIDE_EFFECTS)
    })
  })
})
