import { expect, it } from 'vitest'
import { splitManifests } from './manifests.ts'

const split = (...names: string[]) => {
  const { installers, manifests } = splitManifests(names.map((name) => ({ name })))
  return [installers.map(({ name }) => name), manifests.map(({ name }) => name)]
}

it('separates manifests from installers by their names', () => {
  expect(split('a.exe', 'A.installer.YAML', 'b.msi', 'a.pkginfo', 'Detection.xml')).toEqual([
    ['a.exe', 'b.msi'],
    ['A.installer.YAML', 'a.pkginfo', 'Detection.xml'],
  ])
})

it('takes a script for a manifest only beside the package that it belongs to', () => {
  expect(split('chocolateyInstall.ps1')).toEqual([['chocolateyInstall.ps1'], []])
  expect(split('a.nuspec', 'chocolateyInstall.ps1', 'setup.ps1')).toEqual([
    ['setup.ps1'],
    ['a.nuspec', 'chocolateyInstall.ps1'],
  ])
})

it('keeps as many as the controller reads', () => {
  expect(split(...Array.from({ length: 12 }, (_none, i) => `${i}.yaml`))[1]).toHaveLength(8)
})
