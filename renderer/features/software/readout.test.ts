import { describe, expect, it } from 'vitest'
import {
  checkReadout,
  entryChanges,
  installerChanges,
  parseCodes,
  toInstallerForm,
  toReadout,
} from './readout.ts'
import { rebase } from '../../ui/lib/rebase.ts'
import { aSoftware } from '../../test-kit.ts'

const software = aSoftware({}, { detection: { type: 'dpkg', name: 'vlc', operator: 'ge' } })
const installer = software.installers[0]!
const form = toReadout(software, installer)

describe('the read-out', () => {
  it('sends nothing when nothing was corrected', () =>
    expect([entryChanges(form, software), installerChanges(form, installer)]).toEqual([null, null]))
  it('sends only the corrected fields of the entry, trimmed', () =>
    expect(entryChanges({ ...form, name: ' VLC media player ' }, software)).toEqual({
      name: 'VLC media player',
    }))
  it('sends only the corrected fields of the installer', () => {
    expect(
      installerChanges({ ...form, install_args: '/quiet', timeout_minutes: '5' }, installer),
    ).toEqual({ install_args: '/quiet', timeout_seconds: 300 })
    expect(
      installerChanges(
        { ...form, platform: 'macos', arch: 'arm64', success_exit_codes: '' },
        installer,
      ),
    ).toEqual({ platform: 'macos', arch: 'arm64', success_exit_codes: [] })
  })
  it('keeps a timeout that is not in whole minutes unless it is corrected', () => {
    const odd = { ...installer, timeout_seconds: 90 }
    expect(installerChanges(toInstallerForm(odd), odd)).toBeNull()
  })
  it('keeps corrections when the entry changes meanwhile', () =>
    expect(
      rebase({ ...form, name: 'Mine' }, form, { ...form, name: 'Theirs', version: '4' }),
    ).toEqual({ ...form, name: 'Mine', version: '4' }))
  it('reports errors by field', () => {
    const errors = checkReadout(
      {
        ...form,
        name: ' ',
        install_args: '"x',
        timeout_minutes: '0',
        success_exit_codes: '0, a',
      },
      'msi',
    )
    expect(Object.keys(errors).sort()).toEqual([
      'detect_type',
      'install_args',
      'name',
      'success_exit_codes',
      'timeout_minutes',
    ])
  })
  it('checks quotes by the rules of the platform', () =>
    expect(
      checkReadout({ ...form, platform: 'linux', install_args: "it's" }, 'sh').install_args,
    ).toBeDefined())
})

it('parses lists of exit codes', () => {
  expect(parseCodes('0, 3010 1641;0')).toEqual([0, 3010, 1641])
  expect(parseCodes('')).toEqual([])
  expect(parseCodes('1.5')).toBeNull()
  expect(parseCodes('99999999999')).toBeNull()
})
