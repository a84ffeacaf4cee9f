import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  Software as SoftwareView,
  SoftwareFields,
  UpdateInstaller,
} from '#shared/contract/rest/software.ts'
import type { Viewer } from '../../base/context.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'

let library: TestLibrary
let admin: Viewer
let ann: Viewer
let ben: Viewer
beforeEach(() => {
  library = openLibrary()
  admin = library.addUser('root', 'admin')
  ann = library.addUser('ann', 'technician')
  ben = library.addUser('ben', 'technician')
})
afterEach(() => library.close())

const refusedWith = (code: string, path?: string) =>
  expect.objectContaining(
    path ? { code, details: [expect.objectContaining({ path })] } : { code },
  ) as Error
const receive = (fileName: string, bytes: Buffer | string) =>
  library.software.receive({ fileName, stream: Readable.from([Buffer.from(bytes)]) })
const script = (n = 1) => `#!/bin/sh\nexit ${n}\n`
async function add(
  viewer: Viewer,
  fields: SoftwareFields = {},
  fileName = 'tool.sh',
  bytes: Buffer | string = script(),
) {
  return library.software.create(viewer, await receive(fileName, bytes), fields)
}
const audited = () => library.audit.list(admin, { limit: 50, offset: 0 }).entries

describe('a corrected installer', () => {
  const correct = (viewer: Viewer, made: SoftwareView, change: UpdateInstaller, i = 0) =>
    library.software.updateInstaller(viewer, made.id, made.installers[i]!.id, change)

  it('changes only the given fields, keeps its file, and is audited', async () => {
    const made = await add(ann, { version: '1', timeout_seconds: 60 })
    const now = correct(ann, made, {
      platform: 'macos',
      arch: 'arm64',
      install_args: '--key "1 2"',
      success_exit_codes: [0, 3010],
      detection: { type: 'file', path: '/opt/tool' },
      timeout_seconds: undefined,
    })
    expect(now).toEqual({
      ...made,
      revision: made.revision + 1,
      installers: [
        {
          ...made.installers[0],
          platform: 'macos',
          arch: 'arm64',
          install_args: '--key ●●●',
          secret_args: ['--key'],
          success_exit_codes: [0, 3010],
          detection: { type: 'file', path: '/opt/tool' },
        },
      ],
    })
    expect(library.software.get(ann, made.id)).toEqual(now)
    expect(library.files()).toHaveLength(1)
    const [entry] = audited()
    expect(entry).toMatchObject({
      actor: 'ann',
      action: 'software.update_installer',
      subject: 'software tool 1',
    })
    expect(entry!.details).toMatch(/^tool\.sh: .*"arch":"arm64"/)
    expect(entry!.details).not.toContain('--key')
    expect(correct(ann, made, { detection: null }).installers[0]!.detection).toBeNull()
  })

  it('without any change is not audited', async () => {
    const made = await add(ann)
    const before = audited().length
    expect(correct(ann, made, {})).toEqual(made)
    expect(audited()).toHaveLength(before)
  })

  it('cannot take the platform of another installer of the same software, but may keep its own', async () => {
    const made = await add(ann)
    const both = await library.software.addInstaller(ann, made.id, await receive('b.cmd', 'x'), {})
    expect(() => correct(ann, both, { platform: 'linux' }, 1)).toThrow(
      refusedWith('E_CONFLICT', '/arch'),
    )
    expect(library.software.get(ann, made.id)).toEqual(both)
    expect(correct(ann, both, { platform: 'windows', arch: 'any' }, 1)).toEqual({
      ...both,
      revision: both.revision + 1,
    })
    const moved = correct(ann, both, { platform: 'linux', arch: 'arm64' }, 1)
    expect(moved.installers.map((i) => `${i.platform} ${i.arch}`)).toEqual([
      'linux any',
      'linux arm64',
    ])
  })

  it('has its arguments checked by the rules of its new platform', async () => {
    const made = await add(ann, { platform: 'windows', install_args: "it's" })
    expect(() => correct(ann, made, { install_args: '"' })).toThrow(
      refusedWith('E_VALIDATION', '/install_args'),
    )
    expect(() => correct(ann, made, { platform: 'linux' })).toThrow(
      refusedWith('E_VALIDATION', '/install_args'),
    )
    expect(library.software.get(ann, made.id)).toEqual(made)
  })

  it('is refused a rule that PCs of its new platform cannot evaluate', async () => {
    const made = await add(ann, { detection: { type: 'file', path: '/opt/tool' } })
    const refused: [UpdateInstaller, string][] = [
      [{ detection: { type: 'uninstall_entry', name: 'Tool', operator: 'ge' } }, 'type'],
      [{ detection: { type: 'script', interpreter: 'cmd', text: 'exit 1' } }, 'interpreter'],
      [{ platform: 'windows' }, 'path'],
      [{ platform: 'macos', detection: { type: 'dpkg', name: 'tool', operator: 'ge' } }, 'type'],
    ]
    for (const [change, field] of refused)
      expect(() => correct(ann, made, change)).toThrow(
        refusedWith('E_VALIDATION', `/detection/${field}`),
      )
    expect(library.software.get(ann, made.id)).toEqual(made)
    const rule = { type: 'uninstall_entry', name: 'Tool', operator: 'ge' } as const
    const moved = correct(ann, made, { platform: 'windows', detection: rule })
    expect(moved.installers[0]).toMatchObject({ platform: 'windows', detection: rule })
  })

  it('keeps a stored rule of another platform until someone changes it', async () => {
    const made = await add(ann)
    const foreign = { type: 'uninstall_entry', name: 'Tool', operator: 'ge' } as const
    library.store.sqlite.prepare('update installers set detection = ?').run(JSON.stringify(foreign))
    expect(library.software.list(ann)[0]!.installers[0]!.detection).toEqual(foreign)
    expect(correct(ann, made, { install_args: '-q' }).installers[0]).toMatchObject({
      install_args: '-q',
      detection: foreign,
    })
    // The same request again, as a script would send it.
    const again = { platform: 'linux', detection: foreign, arch: 'x64' } as const
    expect(correct(ann, made, again).installers[0]).toMatchObject({ arch: 'x64' })
    expect(() => correct(ann, made, { detection: { ...foreign, name: 'Other' } })).toThrow(
      refusedWith('E_VALIDATION', '/detection/type'),
    )
    expect(() => correct(ann, made, { platform: 'macos' })).toThrow(
      refusedWith('E_VALIDATION', '/detection/type'),
    )
    expect(correct(ann, made, { detection: null }).installers[0]!.detection).toBeNull()
  })

  it('cannot be changed while a deployment uses it', async () => {
    const made = await add(ann)
    library.inUse.add(made.id)
    expect(() => correct(ann, made, { install_args: '-q' })).toThrow(refusedWith('E_IN_USE'))
    expect(library.software.get(ann, made.id)).toEqual(made)
  })

  it('must belong to the user, and to that software', async () => {
    const shared = await add(admin)
    const bens = await add(ben)
    const mine = await add(ann)
    expect(() => correct(ann, shared, { arch: 'x64' })).toThrow(refusedWith('E_FORBIDDEN'))
    expect(() => correct(ann, bens, { arch: 'x64' })).toThrow(refusedWith('E_NOT_FOUND'))
    const strange = { ...mine, installers: bens.installers }
    expect(() => correct(ann, strange, { arch: 'x64' })).toThrow(refusedWith('E_NOT_FOUND'))
    expect(correct(admin, bens, { arch: 'x64' }).installers[0]!.arch).toBe('x64')
    library.software.remove(ann, mine.id)
    expect(() => correct(ann, mine, { arch: 'x64' })).toThrow(refusedWith('E_NOT_FOUND'))
  })
})
