import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CustomSoftware, type SoftwareFields } from '#shared/contract/rest/software.ts'
import type { SoftwareId } from '#shared/domain/ids.ts'
import type { Viewer } from '../../base/context.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'
import { CONTROL, makeDeb } from '../../test-kit/packages.ts'

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
const names = (viewer: Viewer) => library.software.list(viewer).map((s) => s.name)

describe('new software', () => {
  it('takes missing fields from the file', async () => {
    const made = await add(ann, {}, 'probe.deb', await makeDeb())
    expect(made).toMatchObject({
      name: 'deployx-probe',
      version: '1:2.10-3~test',
      publisher: 'Ann Onym',
      origin: 'library',
      owner_id: ann.id,
    })
    expect(made.installers).toEqual([
      expect.objectContaining({
        platform: 'linux',
        arch: 'x64',
        kind: 'deb',
        file_name: 'probe.deb',
        install_args: '',
        timeout_seconds: 3600,
        success_exit_codes: [],
        detection: {
          type: 'dpkg',
          name: 'deployx-probe',
          arch: 'amd64',
          version: '1:2.10-3~test',
          operator: 'ge',
        },
      }),
    ])
    expect(audited()[0]).toMatchObject({
      actor: 'ann',
      action: 'software.create',
      subject: 'software deployx-probe 1:2.10-3~test',
      details: 'probe.deb',
    })
  })

  it('from a script is named after its file, for any Linux, without a version', async () => {
    const made = await add(ann, {}, 'C:\\x\\set up.sh')
    expect(made).toMatchObject({ name: 'set up', version: '', publisher: '' })
    expect(made.installers[0]).toMatchObject({
      platform: 'linux',
      arch: 'any',
      kind: 'sh',
      file_name: 'set up.sh',
      detection: null,
    })
  })

  it('uses what the user says rather than what the file says', async () => {
    const made = await add(
      ann,
      {
        name: 'Mine',
        version: '9',
        platform: 'macos',
        arch: 'arm64',
        install_args: '--quiet "a b"',
        timeout_seconds: 60,
        success_exit_codes: [3010],
        detection: null,
      },
      'probe.deb',
      await makeDeb(),
    )
    expect(made).toMatchObject({ name: 'Mine', version: '9' })
    expect(made.installers[0]).toMatchObject({
      platform: 'macos',
      arch: 'arm64',
      install_args: '--quiet "a b"',
      timeout_seconds: 60,
      success_exit_codes: [3010],
      detection: null,
    })
  })

  it('for an architecture without agents requires the user to choose one', async () => {
    const deb = await makeDeb({ control: CONTROL.replace('amd64', 'riscv64') })
    await expect(add(ann, {}, 'x.deb', deb)).rejects.toThrow(refusedWith('E_VALIDATION', '/arch'))
    expect((await add(ann, { arch: 'x64' }, 'x.deb', deb)).installers[0]!.arch).toBe('x64')
  })

  it.each<[string, string, SoftwareFields, string, string?]>([
    ['truncated.deb', '!<arch>\n', {}, 'E_PACKAGE_UNREADABLE'],
    ['page.msi', '<html>', {}, 'E_PACKAGE_UNREADABLE'],
    ['a.sh', 'x', { install_args: 'say "hello' }, 'E_VALIDATION', '/install_args'],
  ])(
    'from %s (%j, %j) is refused with %s and leaves nothing',
    async (name, bytes, fields, code, path) => {
      await expect(add(ann, fields, name, bytes)).rejects.toThrow(refusedWith(code, path))
      expect(library.files()).toEqual([])
      for (const table of ['contents', 'software', 'installers'] as const)
        expect(library.count(table)).toBe(0)
      expect(audited()).toEqual([])
    },
  )

  it('of an unknown kind is refused before a byte is read', async () => {
    const stream = new Readable({ read: () => expect.fail('it was read') })
    await expect(library.software.receive({ fileName: 'a.txt', stream })).rejects.toThrow(
      refusedWith('E_MEDIA_TYPE', '/file'),
    )
  })

  it('with the same file is stored once', async () => {
    await Promise.all([add(ann), add(ben), add(admin, { name: 'Other' }, 'other.sh')])
    expect(library.files()).toHaveLength(1)
    expect(library.count('installers')).toBe(3)
  })
})

describe('another installer', () => {
  it('is added beside the first, for another platform or architecture', async () => {
    const { id } = await add(ann)
    await library.software.addInstaller(ann, id, await receive('b.sh', script(2)), {
      arch: 'arm64',
    })
    const now = await library.software.addInstaller(ann, id, await receive('c.cmd', 'exit 0'), {})
    expect(now.installers.map((i) => `${i.platform} ${i.arch} ${i.file_name}`)).toEqual([
      'linux any tool.sh',
      'linux arm64 b.sh',
      'windows any c.cmd',
    ])
    expect(audited()[0]!.action).toBe('software.add_installer')
  })

  it('for the same platform and architecture is refused and not stored', async () => {
    const { id } = await add(ann)
    const again = await receive('b.sh', script(2))
    await expect(library.software.addInstaller(ann, id, again, {})).rejects.toThrow(
      refusedWith('E_CONFLICT', '/arch'),
    )
    expect(library.files()).toHaveLength(1)
    expect(library.count('installers')).toBe(1)
  })

  it('with the same file and details already exists: a request whose response was lost can be repeated', async () => {
    const { id } = await add(ann)
    const send = async (fields: Partial<SoftwareFields> = {}) =>
      library.software.addInstaller(ann, id, await receive('b.cmd', 'exit 0'), fields)
    const first = await send({ install_args: '/a' })
    expect(first.existing).toBeUndefined()
    const before = audited().length
    const again = await send({ install_args: '/a' })
    expect(again).toEqual({ ...first, existing: true })
    expect(library.count('installers')).toBe(2)
    expect(audited()).toHaveLength(before)
    await expect(send({ install_args: '/b' })).rejects.toThrow(refusedWith('E_CONFLICT', '/arch'))
  })

  it('that arrives twice at the same time is stored once', async () => {
    const { id } = await add(ann)
    const uploads = await Promise.all([2, 3].map((n) => receive('b.cmd', `exit ${n}`)))
    const both = await Promise.allSettled(
      uploads.map((upload) => library.software.addInstaller(ann, id, upload, {})),
    )
    expect(both.map((r) => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(library.files()).toHaveLength(2)
  })

  it('for software that was removed meanwhile is refused and not stored', async () => {
    const { id } = await add(ann)
    const upload = await receive('b.cmd', 'exit 0')
    library.software.remove(ann, id)
    await expect(library.software.addInstaller(ann, id, upload, {})).rejects.toThrow(
      refusedWith('E_NOT_FOUND'),
    )
    expect(library.files()).toEqual([])
  })
})

describe('the library', () => {
  it('shows technicians their own entries and those of administrators, and administrators everything', async () => {
    await add(admin, { name: 'Everyone' })
    await add(ann, { name: 'Of Ann' })
    await add(ben, { name: 'Of Ben' })
    expect(names(admin)).toEqual(['Everyone', 'Of Ann', 'Of Ben'])
    expect(names(ann)).toEqual(['Everyone', 'Of Ann'])
    expect(names(ben)).toEqual(['Everyone', 'Of Ben'])
    expect([admin, ann, ben].map((viewer) => library.software.count(viewer))).toEqual([3, 2, 2])
  })

  it('lets technicians change only their own entries, and hides what they may not see', async () => {
    const { id: shared } = await add(admin)
    const { id: bens } = await add(ben)
    const attempts = (id: SoftwareId) => [
      () => library.software.update(ann, id, { name: 'x' }),
      () => library.software.remove(ann, id),
      () => library.software.checkChangeable(ann, id),
    ]
    for (const attempt of attempts(shared)) expect(attempt).toThrow(refusedWith('E_FORBIDDEN'))
    for (const attempt of attempts(bens)) expect(attempt).toThrow(refusedWith('E_NOT_FOUND'))
    expect(library.software.get(ann, shared).id).toBe(shared)
    expect(() => library.software.get(ann, bens)).toThrow(refusedWith('E_NOT_FOUND'))
    expect(library.software.update(admin, bens, { name: 'Better' }).name).toBe('Better')
  })

  it('changes only the given fields', async () => {
    const { id } = await add(ann, { version: '1' })
    const now = library.software.update(ann, id, { publisher: 'Me', name: undefined })
    expect(now).toMatchObject({ name: 'tool', version: '1', publisher: 'Me' })
    expect(library.software.update(ann, id, { version: '' }).version).toBe('')
    const before = audited().length
    library.software.update(ann, id, {})
    expect(audited()).toHaveLength(before)
  })
})

describe('software that is removed', () => {
  it('disappears from the library with its file, keeps its rows for history, and fails a late retry with a message', async () => {
    const { id } = await add(ann)
    const { id: duplicate } = await add(ann, { name: 'Duplicate' })
    await library.software.addInstaller(ann, id, await receive('b.cmd', 'exit 0'), {})
    library.software.remove(ann, id)
    expect(names(ann)).toEqual(['Duplicate'])
    expect(library.files()).toHaveLength(1) // of the duplicate: same bytes as the first installer's
    expect(library.count('software')).toBe(2)
    const rows = library.software.installersOf(id)
    expect(rows).toHaveLength(2)
    for (const row of rows)
      expect(row).toMatchObject({
        sha256: null,
        fetch_state: 'failed',
        fetch_reason: 'download_failed',
        fetch_message: 'tool was removed from the library.',
        fetch_code: 'fetch_removed',
      })
    expect(() => library.software.get(ann, id)).toThrow(refusedWith('E_NOT_FOUND'))
    expect(() => library.software.remove(ann, id)).toThrow(refusedWith('E_NOT_FOUND'))
    library.software.remove(ann, duplicate)
    expect(library.files()).toEqual([])
  })

  it('cannot be removed while a deployment uses it', async () => {
    const { id } = await add(ann)
    library.inUse.add(id)
    expect(() => library.software.remove(ann, id)).toThrow(refusedWith('E_IN_USE'))
    expect(names(ann)).toEqual(['tool'])
    expect(library.files()).toHaveLength(1)
  })
})

describe('for a deployment', () => {
  it('ids resolve to software in their order, with installers', async () => {
    const one = await add(ann, { name: 'B' })
    const two = await add(admin, { name: 'A' })
    const found = library.software.resolve([one.id, two.id], ann)
    expect(found.map((s) => s.name)).toEqual(['B', 'A'])
    expect(found[0]!.installers[0]).toMatchObject({ kind: 'sh', fetch_state: 'none' })
    expect(library.software.resolve([], ann)).toEqual([])
  })

  it('every id that is unknown, removed, hidden or owned by another user is named', async () => {
    const good = await add(ann)
    const bens = await add(ben)
    const removed = await add(ann, { name: 'removed' })
    library.software.remove(ann, removed.id)
    const [custom] = library.software.createCustom([item({})], ann)
    const ids = [good.id, 999 as SoftwareId, bens.id, removed.id, custom!.id]
    expect(() => library.software.resolve(ids, ann)).toThrow(
      expect.objectContaining({
        code: 'E_NOT_FOUND',
        details: [1, 2, 3, 4].map(
          (i) => expect.objectContaining({ path: `/software_ids/${i}` }) as unknown,
        ),
      }) as Error,
    )
  })

  const item = (more: Partial<CustomSoftware>): CustomSoftware =>
    CustomSoftware.parse({
      name: 'Custom',
      download_url: 'https://host.example/a/tool.deb',
      ...more,
    })

  it('a URL becomes hidden software that still has to be fetched', () => {
    const made = library.store.transaction(() =>
      library.software.createCustom(
        [
          item({ install_args: '-y', success_exit_codes: [7] }),
          item({ kind: 'sh', platform: 'macos' }),
        ],
        ann,
      ),
    )
    expect(made.map((s) => [s.name, s.origin, s.owner_id])).toEqual([
      ['Custom', 'custom', ann.id],
      ['Custom', 'custom', ann.id],
    ])
    expect(made[0]!.installers).toEqual([
      expect.objectContaining({
        kind: 'deb',
        platform: 'linux',
        arch: 'any',
        file_name: 'tool.deb',
        install_args: '-y',
        success_exit_codes: [7],
        fetch_state: 'fetching',
        sha256: null,
      }),
    ])
    expect(made[1]!.installers[0]).toMatchObject({ kind: 'sh', platform: 'macos' })
    expect(library.software.list(admin)).toEqual([])
  })

  it('a URL leaves nothing behind when its transaction fails', () => {
    expect(() =>
      library.store.transaction(() => {
        library.software.createCustom([item({})], ann)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(library.count('software')).toBe(0)
    expect(library.count('installers')).toBe(0)
  })

  it.each<[string, Partial<CustomSoftware>, string, string]>([
    [
      'with credentials',
      { download_url: 'https://me:word@h.example/a.sh' },
      'E_URL_INVALID',
      '/custom_software/1/download_url',
    ],
    [
      'that is not a URL',
      { download_url: 'http://[::1/a.sh' },
      'E_URL_INVALID',
      '/custom_software/1/download_url',
    ],
    [
      'with another protocol',
      { download_url: 'ftp://h.example/a.sh' },
      'E_URL_INVALID',
      '/custom_software/1/download_url',
    ],
    [
      'without a known kind',
      { download_url: 'https://h.example/get?id=3' },
      'E_VALIDATION',
      '/custom_software/1/kind',
    ],
    [
      'with an open quote',
      { install_args: "it's" },
      'E_VALIDATION',
      '/custom_software/1/install_args',
    ],
  ])('a URL %s is refused with its path, and nothing is written', (_what, more, code, path) => {
    const bad = { ...item({}), ...more }
    expect(() => library.software.checkCustom([item({}), bad])).toThrow(refusedWith(code, path))
    expect(() => library.software.createCustom([item({}), bad], ann)).toThrow(
      refusedWith(code, path),
    )
    expect(library.count('software')).toBe(0)
  })

  it('all bad URLs are named', () => {
    const bad = [
      item({ download_url: 'https://h.example/x', install_args: '' }),
      { ...item({}), download_url: 'http://a:b@c/d.sh' },
      { ...item({}), install_args: '"' },
    ]
    expect(() => library.software.checkCustom(bad)).toThrow(
      expect.objectContaining({
        code: 'E_URL_INVALID',
        details: [
          '/custom_software/1/download_url',
          '/custom_software/0/kind',
          '/custom_software/2/install_args',
        ].map((path) => expect.objectContaining({ path }) as unknown),
      }) as Error,
    )
  })
})
