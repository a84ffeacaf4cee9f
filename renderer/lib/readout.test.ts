import { describe, expect, it } from 'vitest'
import { changesOf, checkReadout, parseCodes, toReadout } from './readout.ts'
import { aSoftware } from './test-kit.ts'

const software = aSoftware({}, { detection: { type: 'dpkg', name: 'vlc', operator: 'ge' } })
const form = toReadout(software)

describe('the read-out', () => {
  it('changes nothing when nothing was corrected', () =>
    expect(changesOf(form, software)).toEqual({ entry: {}, installer: null }))
  it('sends names alone without the file', () =>
    expect(changesOf({ ...form, name: ' VLC media player ' }, software)).toEqual({
      entry: { name: 'VLC media player' },
      installer: null,
    }))
  it('sends everything of the installer when one thing of it was corrected, the detection included', () => {
    const { installer } = changesOf(
      { ...form, install_args: '/quiet', timeout_minutes: '5' },
      software,
    )
    expect(installer).toMatchObject({
      name: 'VLC',
      version: '3.0.21',
      install_args: '/quiet',
      timeout_seconds: 300,
      success_exit_codes: [0, 3010],
      detection: { type: 'dpkg' },
    })
  })
  it('says what is wrong, field by field', () => {
    const errors = checkReadout({
      ...form,
      name: ' ',
      install_args: '"x',
      timeout_minutes: '0',
      success_exit_codes: '0, a',
    })
    expect(Object.keys(errors).sort()).toEqual([
      'install_args',
      'name',
      'success_exit_codes',
      'timeout_minutes',
    ])
  })
  it('takes an open quote by the rules of the platform', () =>
    expect(
      checkReadout({ ...form, platform: 'linux', install_args: "it's" }).install_args,
    ).toBeDefined())
})

it('reads lists of codes as people write them', () => {
  expect(parseCodes('0, 3010 1641;0')).toEqual([0, 3010, 1641])
  expect(parseCodes('')).toEqual([])
  expect(parseCodes('1.5')).toBeNull()
  expect(parseCodes('99999999999')).toBeNull()
})
