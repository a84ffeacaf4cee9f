import { describe, expect, it } from 'vitest'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import type { InstallerForm } from './readout.ts'
import { lacksSwitch, proposedArguments, reasonsOf, withProposals } from './proposals.ts'

const knowledge = (facts: InstallerKnowledge['facts']): InstallerKnowledge => ({
  technology: null,
  is_installer: true,
  complete: null,
  scope: null,
  signer: null,
  facts,
  warnings: [],
})
const fact = <T>(value: T, level: 'read' | 'usual' | 'guess' = 'usual') => ({
  value,
  level,
  source: 'NSIS',
})
const silent = (value: string, level?: 'read' | 'guess') =>
  knowledge({ install_args: fact(value, level) })
const form = { install_args: '', success_exit_codes: '', arch: 'any' } as InstallerForm

describe('proposed arguments', () => {
  it.each([
    ['exe', '/S', '/S'],
    ['sh', '--quiet --accept', '--quiet --accept'],
    // The agent adds the others.
    ['msi', '/qn /norestart', null],
    ['msi', '/qn /norestart ALLUSERS=1', 'ALLUSERS=1'],
    ['deb', '-y', null],
  ] as const)('of an %s that needs %s are %s', (kind, value, proposed) => {
    expect(proposedArguments(silent(value), kind)).toBe(proposed)
  })

  it('are none when they are a guess, or unknown', () => {
    expect(proposedArguments(silent('/S', 'guess'), 'exe')).toBeNull()
    expect(proposedArguments(null, 'exe')).toBeNull()
  })
})

describe('a new installer', () => {
  it('starts with the proposals, but keeps what is filled in', () => {
    const known = knowledge({ install_args: fact('/S'), success_exit_codes: fact([0, 3010]) })
    expect(withProposals(form, { knowledge: known, kind: 'exe' })).toEqual({
      ...form,
      install_args: '/S',
      success_exit_codes: '0, 3010',
    })
    const filled = { ...form, install_args: '/quiet', success_exit_codes: '1' }
    expect(withProposals(filled, { knowledge: known, kind: 'exe' })).toEqual(filled)
  })

  it.each([
    ['exe', '', null, true],
    ['exe', '/S', null, false],
    ['exe', '', '', false],
    ['msi', '', null, false],
  ] as const)(
    '%s with the arguments %j, of which %j is known',
    (kind, install_args, value, lacks) => {
      const known = value === null ? null : silent(value)
      expect(lacksSwitch({ ...form, install_args }, { knowledge: known, kind })).toBe(lacks)
    },
  )
})

describe('the reason for a value', () => {
  it('is shown until the value is corrected', () => {
    const known = knowledge({ name: fact('Probe', 'read'), install_args: fact('/S') })
    const same = { ...form, name: 'Probe', install_args: '/S' }
    expect(reasonsOf(same, { knowledge: known, kind: 'exe' })).toMatchObject({
      name: { level: 'read' },
      arguments: { level: 'usual', source: 'NSIS' },
    })
    const corrected = { ...form, name: 'Other', install_args: '/quiet' }
    expect(reasonsOf(corrected, { knowledge: known, kind: 'exe' })).toEqual({})
  })
})
