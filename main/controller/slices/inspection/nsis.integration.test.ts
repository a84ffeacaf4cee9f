/** NSIS installers, built here instruction by instruction. */
import { afterAll, describe, expect, it } from 'vitest'
import { openInspector } from '../../test-kit/inspector.ts'
import {
  HKCU,
  HKLM,
  makeNsisInstaller,
  WRITE,
  type NsisInstruction,
  type NsisOptions,
} from '../../test-kit/windows/nsis.ts'

const inspector = openInspector()
afterAll(() => inspector.close())

const KEY = 'Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\Probe'
const entry = (values: Record<string, string>, root = HKLM): NsisInstruction[] =>
  Object.entries(values).map(([name, value]) => [WRITE, root, KEY, name, value, 1])
const VALUES = {
  DisplayName: 'Probe Tools',
  DisplayVersion: '2.5.0',
  Publisher: 'Ann Onym',
  UninstallString: '"$21\\uninstall.exe"',
}
const PROGRAM_FILES = '${folder 38 38}\\Probe'
const knowledge = async (options: Partial<NsisOptions>) => {
  const whole = { instructions: entry(VALUES), installDir: PROGRAM_FILES, ...options }
  return (await inspector.look('setup.exe', makeNsisInstaller(whole))).knowledge!
}
const codes = ({ warnings }: { warnings: { code: string }[] }) => warnings.map(({ code }) => code)

describe('an NSIS installer', () => {
  it.each([
    { packing: 'stored' },
    { packing: 'deflate' },
    { packing: 'deflate-each' },
    { packing: 'lzma' },
    { packing: 'lzma-each' },
    { ansi: true },
    { ansi: true, version2: true },
    { gap: 0xa00 },
  ] as const)('registers name, version and key, stored as %j', async (options) => {
    const found = await knowledge(options)
    expect(found).toMatchObject({
      technology: 'nsis',
      is_installer: true,
      complete: true,
      scope: 'machine',
      warnings: [],
    })
    expect(found.facts).toMatchObject({
      name: { value: 'Probe Tools', level: 'read' },
      version: { value: '2.5.0', level: 'read' },
      publisher: { value: 'Ann Onym', level: 'read' },
      install_args: { value: '/S', level: 'usual' },
      uninstall: { value: '"%ProgramFiles%\\Probe\\uninstall.exe" /S' },
      detection: {
        level: 'read',
        value: { type: 'uninstall_key', key: 'Probe', hive: 'machine', version: '2.5.0' },
      },
    })
  })

  it('becomes software with a detection rule', async () => {
    const bytes = makeNsisInstaller({ instructions: entry(VALUES) })
    expect(await inspector.look('setup.exe', bytes)).toMatchObject({
      name: 'Probe Tools',
      technology: 'nsis',
      detection: { type: 'uninstall_key', key: 'Probe' },
    })
  })

  it.each(['1.1.1w', '2.0-rc1', 'R2024b', '1.2.3.4.5'])(
    'keeps the version %s in its rule',
    async (DisplayVersion) => {
      const bytes = makeNsisInstaller({ instructions: entry({ ...VALUES, DisplayVersion }) })
      const { detection } = await inspector.look('setup.exe', bytes)
      expect(detection).toMatchObject({ key: 'Probe', version: DisplayVersion, operator: 'ge' })
    },
  )

  it.each([undefined, '0.0.0', 'latest'])(
    'only offers its rule if the version %s cannot be ordered, as an upgrade would be skipped',
    async (DisplayVersion) => {
      const { DisplayName } = VALUES
      const values = { DisplayName, ...(DisplayVersion === undefined ? {} : { DisplayVersion }) }
      const bytes = makeNsisInstaller({ instructions: entry(values) })
      const { detection, knowledge } = await inspector.look('setup.exe', bytes)
      expect(detection).toBeNull()
      const rule = { type: 'uninstall_key', key: 'Probe', hive: 'machine', operator: 'ge' }
      expect(knowledge!.facts).toMatchObject({
        detection: { level: 'guess', value: rule },
        // Its versions stay one product in the library.
        upgrade_of: { level: 'read', value: rule },
      })
    },
  )

  it('is for 64-bit PCs if it registers a 64-bit program or uses their folder', async () => {
    const setView: NsisInstruction = [13, 12, '256']
    const is64 = { facts: { arch: { value: 'x64', level: 'read' } } }
    expect(await knowledge({ instructions: [setView, ...entry(VALUES)] })).toMatchObject(is64)
    expect(await knowledge({ installDir: '${folder 192 0}\\Probe' })).toMatchObject(is64)
    const is32 = { facts: { arch: { value: 'any', level: 'guess' } } }
    expect(await knowledge({})).toMatchObject(is32)
    // It only looks something up among the 64-bit programs.
    const resetView: NsisInstruction = [13, 12, '0']
    expect(await knowledge({ instructions: [setView, resetView, ...entry(VALUES)] })).toMatchObject(
      is32,
    )
  })

  it('takes values from variables and follows its own jumps and calls', async () => {
    const instructions: NsisInstruction[] = [
      [25, 3, 'Probe', '', ''],
      [26, '$3', 'probe', 5, 0, 0],
      [WRITE, HKLM, KEY, 'DisplayName', 'Wrong branch', 1],
      [1],
      [5, 6],
      [WRITE, HKLM, KEY, 'DisplayName', '$3 $4', 1],
      [1],
    ]
    instructions[4] = [5, 8]
    instructions.push([25, 4, '2026', '', ''], [1])
    expect((await knowledge({ instructions })).facts.name?.value).toBe('Probe 2026')
  })

  it('that registers itself for one user is marked', async () => {
    const found = await knowledge({ instructions: entry(VALUES, HKCU) })
    expect(found).toMatchObject({
      scope: 'user',
      facts: { detection: { value: { hive: 'user' } } },
    })
    expect(codes(found)).toEqual(['per_user'])
    // SHCTX means the user, until the script chooses all users.
    expect((await knowledge({ instructions: entry(VALUES, 0) })).scope).toBe('user')
    const all: NsisInstruction = [13, 1, '1']
    expect((await knowledge({ instructions: [all, ...entry(VALUES, 0)] })).scope).toBe('machine')
  })

  it('that may wait in spite of /S is marked', async () => {
    const question = (flags: number): NsisInstruction => [22, flags, 'Really?', 0, 0, 0, 0]
    const asked = await knowledge({ instructions: [question(4), ...entry(VALUES)] })
    expect(codes(asked)).toEqual(['may_wait'])
    expect(asked.warnings[0]!.text).toContain('Really?')
    const answered = await knowledge({ instructions: [question(0x200000 | 4), ...entry(VALUES)] })
    expect(codes(answered)).toEqual([])
    const loud = await knowledge({
      instructions: [...entry(VALUES), [1], [13, 8, '0'], [1]],
      onInit: 5,
    })
    expect(codes(loud)).toEqual(['may_wait'])
    const unreached = await knowledge({ instructions: [...entry(VALUES), [1], question(4)] })
    expect(codes(unreached)).toEqual([])
  })

  it('reads values of branches that a run does not reach', async () => {
    const instructions: NsisInstruction[] = [[4], ...entry(VALUES)]
    expect((await knowledge({ instructions })).facts).toMatchObject({
      arch: { value: 'any' },
      detection: { value: { key: 'Probe' } },
    })
    const as64: NsisInstruction[] = [[4], [13, 12, '256'], ...entry(VALUES)]
    expect((await knowledge({ instructions: as64 })).facts.arch?.value).toBe('x64')
  })

  it('gets no rule if it registers several programs, or a key that it computes on the PC', async () => {
    const two = [
      ...entry(VALUES),
      [WRITE, HKLM, KEY.replace('Probe', 'Other'), 'DisplayName', 'Other', 1],
    ] as NsisInstruction[]
    expect((await knowledge({ instructions: two })).facts.detection).toBeUndefined()
    const computed: NsisInstruction[] = [
      [WRITE, HKLM, KEY.replace('Probe', '${folder 77 77}'), 'DisplayName', 'X', 1],
    ]
    expect((await knowledge({ instructions: computed })).facts.detection).toBeUndefined()
  })

  it('with a translated name is named by its version resource', async () => {
    const options = {
      instructions: entry({ ...VALUES, DisplayName: '${text 1}' }),
      languageTexts: ['', 'Probe in English'],
    }
    expect((await knowledge(options)).facts.name?.value).toBe('Probe in English')
    const strings = { ProductName: 'probe' }
    expect((await knowledge({ ...options, strings })).facts.name?.value).toBe('probe')
  })

  it('is refused when it is truncated or an uninstaller', async () => {
    const whole = makeNsisInstaller({ instructions: entry(VALUES) })
    await expect(inspector.look('a.exe', whole.subarray(0, -1))).rejects.toThrow(
      'is cut off: this NSIS installer',
    )
    const uninstaller = makeNsisInstaller({ instructions: entry(VALUES), flags: 1 })
    await expect(inspector.look('a.exe', uninstaller)).rejects.toThrow('it is an uninstaller')
  })

  it('that was changed since it was built is marked, unless it has no checksum', async () => {
    const changed = async (flags: number) => {
      const bytes = makeNsisInstaller({ instructions: entry(VALUES), flags })
      bytes[bytes.length - 10]! ^= 1
      return (await inspector.look('a.exe', bytes)).knowledge!
    }
    expect(await changed(0)).toMatchObject({ complete: false, warnings: [{ code: 'tampered' }] })
    expect(await changed(4)).toMatchObject({ complete: true, warnings: [] })
  })

  it('that loops forever, or calls itself, is read up to there', async () => {
    for (const instruction of [
      [2, 6],
      [5, 6],
    ] as NsisInstruction[]) {
      const instructions = [...entry(VALUES), [2, 6] as NsisInstruction, instruction]
      expect((await knowledge({ instructions })).facts.name?.value).toBe('Probe Tools')
    }
    const growing: NsisInstruction[] = [
      [25, 3, '$3$3x', '', ''],
      [2, 1],
    ]
    expect((await knowledge({ instructions: growing })).technology).toBe('nsis')
  })

  it.each([{}, { ansi: true }])(
    'whose texts hold themselves a thousand times is read up to there, as %j',
    async (options) => {
      const languageTexts = ['${text 0}'.repeat(1_000)]
      const instructions: NsisInstruction[] = [
        [25, 3, '${text 0}', '', ''],
        [2, 1],
      ]
      expect((await knowledge({ ...options, instructions, languageTexts })).technology).toBe('nsis')
      const unreached = [
        [1],
        [WRITE, HKLM, KEY, 'DisplayName', '${text 0}', 1],
      ] as NsisInstruction[]
      expect(
        (await knowledge({ ...options, instructions: unreached, languageTexts })).technology,
      ).toBe('nsis')
    },
  )
})
