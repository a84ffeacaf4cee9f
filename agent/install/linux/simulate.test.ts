import { coded } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { describe, expect, it } from 'vitest'
import {
  namesOf,
  meetsCondition,
  parseAptSimulation,
  parseDpkgSimulation,
  parseObsoletes,
  refusalOf,
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
    const refusal = (effects: SideEffects, action: 'install' | 'uninstall' = 'install') =>
      compose(refusalOf(effects, action)!)
    expect(refusalOf(none, 'install')).toBeNull()
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
