/** Inno Setup installers, built here field by field. */
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeInnoInstaller, type InnoOptions } from '../../test-kit/windows/inno.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

const TEXTS = { AppName: 'Probe', AppId: '{{12AB}', AppPublisher: 'Ann Onym', AppVersion: '2.5.0' }
const knowledge = async (options: InnoOptions = {}) => {
  const bytes = makeInnoInstaller({ ...options, texts: { ...TEXTS, ...options.texts } })
  return (await inspector.look('setup.exe', bytes)).knowledge!
}
const codes = ({ warnings }: { warnings: { code: string }[] }) => warnings.map(({ code }) => code)
const SILENT = '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP- /RESTARTEXITCODE=3010'

describe('an Inno Setup installer', () => {
  it.each([{ packed: true }, { packed: false }, { format: '6.4.0' }] as const)(
    'yields its product and its uninstall key from the header, as %j',
    async (options) => {
      expect(await knowledge(options)).toMatchObject({
        technology: 'inno',
        complete: true,
        scope: 'machine',
        warnings: [],
        facts: {
          name: { value: 'Probe', level: 'read' },
          version: { value: '2.5.0' },
          publisher: { value: 'Ann Onym' },
          install_args: { value: SILENT, level: 'usual' },
          success_exit_codes: { value: [0, 3010], level: 'usual' },
          detection: {
            value: { type: 'uninstall_key', key: '{12AB}_is1', hive: 'machine', version: '2.5.0' },
          },
        },
      })
    },
  )

  it.each([
    [{}, 'any'],
    [{ allowed: 4 }, 'x64'],
    [{ allowed: 16 }, 'arm64'],
    [{ allowed: 6 }, 'any'],
    [{ format: '6.4.0', architectures: 'x64compatible' }, 'x64'],
    [{ format: '6.4.0', architectures: 'arm64' }, 'arm64'],
    [{ format: '6.4.0', architectures: 'x86compatible' }, 'any'],
  ] as const)('with %j is for %s', async (options, arch) => {
    expect((await knowledge(options)).facts.arch?.value).toBe(arch)
  })

  it.each([
    [{ texts: { DefaultDirName: '{autopf}\\Probe' } }, '%ProgramFiles(x86)%\\Probe'],
    [
      { texts: { DefaultDirName: '{pf}\\A {{B}\\' }, format: '6.4.0', architectures: 'x64os' },
      '%ProgramW6432%\\A {B}',
    ],
    [
      { texts: { DefaultDirName: '{commonpf64}\\Probe', UninstallFilesDir: '{app}\\un' } },
      '%ProgramW6432%\\Probe\\un',
    ],
    [
      { texts: { DefaultDirName: '{sd}\\Probe' }, privileges: 3, overrides: 1 },
      '%SystemDrive%\\Probe',
    ],
  ] as const)('with %j leaves its uninstaller in %s', async (options, folder) => {
    expect((await knowledge(options)).facts.uninstall).toMatchObject({
      value: `"${folder}\\unins000.exe" /VERYSILENT /SUPPRESSMSGBOXES /NORESTART`,
      level: 'usual',
    })
  })

  it.each<InnoOptions>([
    { texts: { DefaultDirName: '{code:Folder}\\Probe' } },
    { texts: { DefaultDirName: '{autopf}\\{code:Name}' } },
    { texts: { DefaultDirName: '{autopf}\\Probe', UninstallFilesDir: '{userappdata}' } },
    { texts: { DefaultDirName: '{autopf}\\Probe', Uninstallable: 'no' } },
    { texts: { DefaultDirName: '{autopf}\\Probe' }, privileges: 3 },
    {
      texts: { DefaultDirName: '{autopf}\\Probe' },
      format: '6.4.0',
      architectures: 'x64 and arm64',
    },
  ])('with %j names no uninstaller', async (options) => {
    expect((await knowledge(options)).facts.uninstall).toBeUndefined()
  })

  it('for one user is marked, and installed for all if its command line allows that', async () => {
    const bound = await knowledge({ privileges: 3 })
    expect(codes(bound)).toEqual(['per_user'])
    expect(bound).toMatchObject({
      scope: 'user',
      facts: { install_args: { value: SILENT }, detection: { value: { hive: 'user' } } },
    })
    expect(await knowledge({ privileges: 3, overrides: 1 })).toMatchObject({
      scope: 'user',
      facts: {
        install_args: { value: `${SILENT} /ALLUSERS` },
        detection: { value: { hive: 'machine' } },
      },
    })
  })

  it('that needs more than silent switches is marked', async () => {
    expect(codes(await knowledge({ hasPassword: true }))).toEqual(['needs_property'])
    expect(codes(await knowledge({ isSplit: true }))).toEqual(['needs_files'])
    expect(codes(await knowledge({ code: 'IFPS…MSGBOX…' }))).toEqual(['may_wait'])
  })

  it('gets no rule if it registers nothing, or a key that its code computes', async () => {
    const hidden = await knowledge({ texts: { Uninstallable: 'no' } })
    expect(hidden.facts.detection).toBeUndefined()
    expect(codes(hidden)).toEqual(['not_removable'])
    const computed = await knowledge({ texts: { AppId: '{code:GetId}' } })
    expect(computed.facts.detection).toBeUndefined()
  })

  it('keeps a version with letters in its rule, and only offers a rule without a version', async () => {
    const lettered = await knowledge({ texts: { AppVersion: '1.1.1w' } })
    expect(lettered.facts.detection).toMatchObject({ level: 'read', value: { version: '1.1.1w' } })
    const computed = await knowledge({ texts: { AppVersion: '{code:Version}' } })
    expect(computed.facts.detection).toMatchObject({ level: 'guess', value: { key: '{12AB}_is1' } })
    expect(computed.facts.detection?.value).not.toHaveProperty('version')
  })

  it('of a newer format yields no more than its texts', async () => {
    const found = await knowledge({ format: '9.0.0', code: 'IFPS' })
    expect(codes(found)).toEqual(['newer_format'])
    expect(found.warnings[0]!.text).toMatch(/data format 9\.0\.0 .*name, version, .* were read/)
    expect(found.facts.detection).toBeUndefined()
    const asking = await knowledge({ format: '9.0.0', code: `IFPS MSGBOX` })
    expect(codes(asking)).toEqual(['may_wait', 'newer_format'])
  })
  it('whose header has an unknown form yields its technology only, and says so', async () => {
    const whole = makeInnoInstaller({ texts: TEXTS, format: '9.0.0' })
    whole[whole.indexOf('Inno Setup Setup Data') + 64]! ^= 1
    const found = (await inspector.look('a.exe', whole)).knowledge!
    expect(codes(found)).toEqual(['newer_format'])
    expect(found.warnings[0]!.text).toMatch(/data format 9\.0\.0 .*Nothing in its header/)
  })
  it('of the format 6.5.2 is read, and marked when it needs a password', async () => {
    const options = { texts: TEXTS, format: '6.5.2' } as const
    expect(codes(await knowledge(options))).toEqual([])
    expect(codes(await knowledge({ ...options, hasPassword: true }))).toEqual(['needs_property'])
    const encrypted = await knowledge({ ...options, hasPassword: true, isEncrypted: true })
    expect(codes(encrypted)).toEqual(['encrypted'])
    expect(encrypted.facts.name).toBeUndefined()
  })

  it('is refused when it is cut off or an uninstaller', async () => {
    const whole = makeInnoInstaller({ texts: TEXTS })
    await expect(inspector.look('a.exe', whole.subarray(0, -1))).rejects.toThrow(
      'is cut off: this Inno Setup',
    )
    for (const part of ['Inno Setup Setup Data', Buffer.from('72446c507453cde6', 'hex')]) {
      const damaged = Buffer.from(whole)
      damaged[damaged.indexOf(part) + (typeof part === 'string' ? 90 : 30)]! ^= 1
      await expect(inspector.look('a.exe', damaged)).rejects.toThrow('it is damaged')
    }
    whole.write('InUn', 0x30, 'latin1')
    await expect(inspector.look('a.exe', whole)).rejects.toThrow('it is an uninstaller')
  })

  it('has no rule with a key that would mislead its reader', async () => {
    const { facts } = await knowledge({ texts: { AppId: 'Probe\u202egpj' } })
    expect(facts.detection).toBeUndefined()
    expect(facts.name).toMatchObject({ value: 'Probe' })
  })
})
