/** Installers that wrap a package or an archive, built here. */
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeMsiBytes, makeProgram } from '../../test-kit/windows-packages.ts'
import {
  makeAdvanced,
  makeBurn,
  makeInstallShield,
  makeNupkg,
  makeRar,
  makeRarArchive,
  makeSevenZip,
  makeSquirrel,
  makeVelopack,
} from '../../test-kit/windows/wrappers.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

type Options = Omit<Parameters<typeof makeProgram>[0], 'strings'> & {
  strings?: Record<string, string>
}
const knowledge = async (options: Options) =>
  (await inspector.look('setup.exe', makeProgram({ strings: {}, ...options }))).knowledge!

const knowledgeOf = async (bytes: Buffer) => (await inspector.look('setup.exe', bytes)).knowledge!

const CODE = '{11111111-2222-3333-4444-555555555555}'
const MSI = makeMsiBytes({
  properties: {
    ProductName: 'Probe',
    ProductVersion: '2.5.0',
    Manufacturer: 'Ann Onym',
    ProductCode: CODE,
    ALLUSERS: '1',
  },
  template: 'x64;1033',
})
const INNER = {
  name: { value: 'Probe', level: 'read' },
  version: { value: '2.5.0' },
  publisher: { value: 'Ann Onym' },
  arch: { value: 'x64' },
  detection: { value: { type: 'msi_product', product_code: CODE } },
}

describe('a Windows Installer package inside a program', () => {
  it('of jpackage is what is installed', async () => {
    expect(await knowledge({ resources: [{ type: 10, name: 'MSI', bytes: MSI }] })).toMatchObject({
      technology: 'jpackage',
      facts: { ...INNER, install_args: { value: '/qn /norestart' } },
    })
  })

  it('of Advanced Installer is what is installed', async () => {
    expect(await knowledgeOf(makeAdvanced(MSI))).toMatchObject({
      technology: 'advanced',
      facts: { ...INNER, install_args: { value: '/exenoui /quiet /norestart' } },
    })
    await expect(knowledgeOf(makeAdvanced(MSI, 8))).rejects.toThrow('it is damaged')
  })

  it('of InstallShield passes its arguments on', async () => {
    expect(await knowledgeOf(makeInstallShield(['probe.msi']))).toMatchObject({
      technology: 'installshield',
      facts: { install_args: { value: '/s /v"/qn /norestart"' } },
    })
    const script = await knowledgeOf(makeInstallShield(['setup.inx']))
    expect(script.facts.install_args).toBeUndefined()
    expect(script.warnings.map(({ code }) => code)).toEqual(['needs_files', 'may_wait'])
  })
})

describe('Squirrel and Velopack', () => {
  const nupkg = makeNupkg(
    '<package><metadata><id>Probe</id><title>Probe Chat</title><version>2.5.0</version><authors>Ann Onym</authors></metadata></package>',
  )
  const facts = {
    name: { value: 'Probe Chat' },
    version: { value: '2.5.0' },
    publisher: { value: 'Ann Onym' },
    arch: { value: 'x64' },
    install_args: { value: '--silent' },
    detection: { value: { type: 'uninstall_key', key: 'Probe', hive: 'user' } },
  }
  it('install for one user what their description names', async () => {
    const found = await knowledgeOf(makeSquirrel(nupkg))
    expect(found).toMatchObject({
      technology: 'squirrel',
      scope: 'user',
      warnings: [{ code: 'per_user' }],
      facts,
    })
    expect(await knowledgeOf(makeVelopack(nupkg))).toMatchObject({ technology: 'velopack', facts })
  })
  it('keep a pre-release in their rule, and only offer a rule without a version', async () => {
    const of = (version: string) =>
      knowledgeOf(
        makeSquirrel(makeNupkg(`<package><metadata><id>Probe</id>${version}</metadata></package>`)),
      )
    const version = '2.0.0-rc1'
    expect((await of(`<version>${version}</version>`)).facts.detection).toMatchObject({
      level: 'read',
      value: { version },
    })
    expect((await of('<version>$version$</version>')).facts.detection).toMatchObject({
      level: 'guess',
      value: { key: 'Probe' },
    })
  })
  it('without a package are no installers', async () => {
    const resources = [{ type: 'DATA', name: 131, bytes: Buffer.alloc(0) }]
    expect((await knowledge({ resources })).technology).toBe('none')
  })
})

describe('a WiX bundle', () => {
  const manifest = `<BurnManifest Win64="yes"><Registration Id="${CODE}" ExecutableName="probe setup.exe" PerMachine="yes"><Arp Register="yes" DisplayName="Probe" DisplayVersion="2.5.0" Publisher="Ann Onym"/></Registration></BurnManifest>`
  it('names its product and key in its manifest', async () => {
    expect(await knowledgeOf(makeBurn({ manifest }))).toMatchObject({
      technology: 'burn',
      scope: 'machine',
      facts: {
        name: { value: 'Probe' },
        version: { value: '2.5.0' },
        publisher: { value: 'Ann Onym' },
        arch: { value: 'x64' },
        install_args: { value: '/quiet /norestart' },
        success_exit_codes: { value: [0, 1641, 3010], level: 'usual' },
        uninstall: {
          value: `"%ProgramData%\\Package Cache\\${CODE}\\probe setup.exe" /uninstall /quiet /norestart`,
        },
        detection: { value: { type: 'uninstall_key', key: CODE, hive: 'machine' } },
      },
    })
  })
})

describe('the versions of a WiX bundle', () => {
  const of = async (related: string) => {
    const manifest = `<BurnManifest><Registration Id="${CODE}" PerMachine="yes"><Arp DisplayVersion="2"/></Registration>${related}</BurnManifest>`
    return (await knowledgeOf(makeBurn({ manifest }))).facts.upgrade_of
  }
  it('share the code of their related bundle', async () => {
    const code = '{aaaaaaaa-2222-3333-4444-555555555555}'
    expect(await of(`<RelatedBundle Id="${code}" Action="Upgrade"/>`)).toMatchObject({
      level: 'read',
      value: { type: 'upgrade_code', upgrade_code: code.toUpperCase() },
    })
    expect(await of(`<RelatedBundle Code="${code}" Action="Upgrade"/>`)).toBeDefined()
  })
  it('have no known shared code without exactly one valid related bundle for upgrades', async () => {
    const related = (n: number, action = 'Upgrade') =>
      `<RelatedBundle Id="{${n}aaaaaaa-2222-3333-4444-555555555555}" Action="${action}"/>`
    expect(await of('')).toBeUndefined()
    expect(await of(related(1, 'Addon'))).toBeUndefined()
    expect(await of(related(1) + related(2))).toBeUndefined()
    expect(await of('<RelatedBundle Id="x" Action="Upgrade"/>')).toBeUndefined()
  })
})

describe('the rule of a WiX bundle', () => {
  it.each([
    ['1.1.1w', 'read'],
    ['', 'guess'],
  ])('with the version %j is %s', async (version, level) => {
    const manifest = `<BurnManifest><Registration Id="${CODE}" PerMachine="yes"><Arp Register="yes" DisplayVersion="${version}"/></Registration></BurnManifest>`
    const { detection } = (await knowledgeOf(makeBurn({ manifest }))).facts
    expect(detection).toMatchObject({ level, value: { key: CODE } })
    expect(detection?.value).toEqual(
      version === ''
        ? expect.not.objectContaining({ version })
        : expect.objectContaining({ version }),
    )
  })
})

describe('a self-extracting archive', () => {
  it('of 7-Zip installs something only if it says what to run', async () => {
    expect(await knowledgeOf(makeSevenZip(null))).toMatchObject({
      technology: 'sevenzip',
      is_installer: false,
      complete: true,
    })
    expect(await knowledgeOf(makeSevenZip('Title="Probe"\nRunProgram="a.exe"'))).toMatchObject({
      technology: 'sevenzip',
      is_installer: true,
      complete: true,
      facts: { name: { value: 'Probe' }, install_args: { value: '-y' } },
    })
  })
  it('of WinRAR may wait, by what it runs', async () => {
    for (const version of [4, 5] as const)
      expect(await knowledgeOf(makeRar(version))).toMatchObject({
        technology: 'rar',
        complete: true,
        warnings: [{ code: 'may_wait' }],
      })
  })
  it('of WinRAR with an encrypted list, or a damaged one, is marked', async () => {
    const codes = async (overlay: Buffer) => {
      const { complete, warnings } = await knowledge({ overlay })
      return [complete, warnings.map(({ code }) => code)]
    }
    const encrypted = Buffer.from('526172211a070100' + '00000000' + '03040000', 'hex')
    expect(await codes(encrypted)).toEqual([null, ['encrypted', 'may_wait']])
    const damaged = makeRarArchive(5)
    damaged[12] = 0
    expect(await codes(damaged)).toEqual([false, ['truncated', 'may_wait']])
  })
  it('of IExpress is named by its title', async () => {
    const resources = [
      { type: 10, name: 'CABINET', bytes: Buffer.from('MSCF') },
      { type: 10, name: 'RUNPROGRAM', bytes: Buffer.from('a.exe\0') },
      { type: 10, name: 'TITLE', bytes: Buffer.from('Probe\0') },
    ]
    expect(await knowledge({ resources })).toMatchObject({
      technology: 'iexpress',
      facts: { name: { value: 'Probe' }, install_args: { value: '/Q' } },
    })
  })
})
