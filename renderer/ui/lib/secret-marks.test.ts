import type { Installer } from '#shared/contract/rest/software.ts'
import { describe, expect, it } from 'vitest'
import { withoutSecrets } from '../../features/wizard/custom-draft.ts'
import { installerChanges, previewOf, toInstallerForm } from '../../features/software/readout.ts'
import { collisions, rebase } from './rebase.ts'
import { markableArguments, presentMarks, secretsIn } from './secret-marks.ts'
import { aSoftware } from '../../test-kit.ts'

describe('secrets of a command line in a form', () => {
  it('distinguishes secrets by name from marked ones', () => {
    expect(secretsIn('/qn PIDKEY=AB SITE=CD -p EF x', ['SITE', '-p', 'x'], 'windows')).toEqual([
      { label: 'PIDKEY', mark: null },
      { label: 'SITE', mark: 'SITE' },
      { label: '-p', mark: '-p' },
      { label: 'x', mark: 'x' },
    ])
  })
  it('recognises stored secrets, which are shown as ●●●', () => {
    expect(secretsIn('PIDKEY=●●● SITE=●●● ●●●', ['PIDKEY', 'SITE', '●●●'], 'windows')).toEqual([
      { label: 'PIDKEY', mark: null },
      { label: 'SITE', mark: 'SITE' },
      { label: '●●●', mark: '●●●' },
    ])
  })
  it('offers the other arguments for marking', () => {
    const labels = markableArguments('/qn PIDKEY=AB SITE=CD -p EF go', [], 'windows').map(
      ({ label }) => label,
    )
    expect(labels).toEqual(['SITE', '-p', 'go'])
  })
  it('offers them also when only one kind of program closes the quotes', () => {
    const line = 'SITE=oslo INSTALLDIR="C:\\A B\\"'
    expect(markableArguments(line, [], 'windows').map(({ label }) => label)).toEqual([
      'SITE',
      'INSTALLDIR',
    ])
    expect(markableArguments('SITE="oslo', [], 'windows')).toEqual([])
  })
  it('drops marks of removed arguments', () => {
    expect(presentMarks('/qn PIDKEY=AB', ['PIDKEY', 'SITE'], 'windows')).toEqual(['PIDKEY'])
  })
})

describe('the installer form', () => {
  const [installer] = aSoftware(
    {},
    {
      platform: 'windows',
      kind: 'exe',
      install_args: '/S PIDKEY=●●● SITE=●●●',
      secret_args: ['PIDKEY', 'SITE'],
    },
  ).installers as [Installer]
  const form = toInstallerForm(installer)

  it('sends nothing when nothing was changed', () => {
    expect(installerChanges(form, installer)).toBeNull()
  })
  it('sends marks, and only those that match something', () => {
    expect(installerChanges({ ...form, secret_args: ['PIDKEY'] }, installer)).toEqual({
      secret_args: ['PIDKEY'],
    })
    expect(installerChanges({ ...form, install_args: '/S SITE=x' }, installer)).toEqual({
      install_args: '/S SITE=x',
      secret_args: ['SITE'],
    })
  })
  it('shows the command without the secrets', () => {
    const preview = previewOf({ ...form, install_args: '/S PIDKEY="A B" SITE=CD' }, installer)
    expect(preview).toContain('PIDKEY=●●● SITE=●●●')
  })
  it('treats equal marks as unchanged', () => {
    const again = { ...form, secret_args: [...form.secret_args] }
    expect(collisions(again, form, toInstallerForm(installer))).toEqual([])
    expect(rebase(again, form, { ...form, secret_args: [] }).secret_args).toEqual([])
  })
})

it('stores a draft without secrets', () => {
  const kept = withoutSecrets({
    name: 'x',
    download_url: 'https://example.org/x.exe',
    install_args: '/S KEY=AB SITE=CD',
    secret_args: ['SITE'],
    kind: null,
  })
  expect(kept).toMatchObject({ install_args: '/S KEY=●●● SITE=●●●', secret_args: ['KEY', 'SITE'] })
})
