import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Software } from '#shared/contract/rest/software.ts'
import type { WireError } from '#shared/contract/errors.ts'
import { keptUploads } from '../../test-kit/kept-uploads.ts'
import { makeDeb } from '../../test-kit/packages.ts'
import { makeMsiBytes } from '../../test-kit/windows-packages.ts'
import {
  startTestController,
  type RestReply,
  type TestController,
} from '../../test-kit/test-controller.ts'
import { decodeFields } from './upload.ts'

const SCRIPT = '#!/bin/sh\nexit 0\n'
let t: TestController
beforeAll(async () => {
  t = await startTestController()
})
afterAll(() => t.stop())

const { clear, list, contentFiles, nothingKept } = keptUploads(() => t)
beforeEach(clear)
const errorOf = (reply: RestReply) => (reply.body as { error: WireError }).error
const made = (reply: RestReply): Software => {
  expect(reply.status, JSON.stringify(reply.body)).toBe(200)
  return reply.body as Software
}

type Part = [
  name: string,
  value: string | { fileName: string; bytes: string | Buffer<ArrayBuffer> },
]
/** Parts in exactly this order. */
function send(parts: Part[], path = '/software'): Promise<RestReply> {
  const form = new FormData()
  for (const [name, value] of parts)
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, new Blob([value.bytes]), value.fileName)
  return t.rest.raw('POST', path, form)
}
const file = (fileName = 'tool.sh', bytes: string | Buffer<ArrayBuffer> = SCRIPT): Part => [
  'file',
  { fileName, bytes },
]

describe('an upload', () => {
  const fields: Part[] = [
    ['name', 'Tool'],
    ['version', '2.1'],
    ['platform', 'macos'],
    ['arch', 'arm64'],
    ['install_args', '--quiet "a b"'],
    ['timeout_seconds', '90'],
    ['success_exit_codes', '[0, 3010]'],
    ['detection', '{"type":"file","path":"/opt/tool"}'],
  ]
  it.each<[string, Part[]]>([
    ['before', [...fields, file()]],
    ['after', [file(), ...fields]],
    ['before and after', [...fields.slice(0, 4), file(), ...fields.slice(4)]],
  ])('is accepted with its fields %s the file', async (_where, parts) => {
    const software = made(await send(parts))
    expect(software).toMatchObject({ name: 'Tool', version: '2.1' })
    expect(software.installers).toEqual([
      expect.objectContaining({
        platform: 'macos',
        arch: 'arm64',
        kind: 'sh',
        file_name: 'tool.sh',
        size_bytes: SCRIPT.length,
        sha256: createHash('sha256').update(SCRIPT).digest('hex'),
        install_args: '--quiet "a b"',
        timeout_seconds: 90,
        success_exit_codes: [0, 3010],
        detection: { type: 'file', path: '/opt/tool' },
      }),
    ])
    // Beyond what the library lists: what the uploaded file itself says.
    expect((await list()).map((one) => ({ ...one, knowledge: null }))).toEqual([software])
  })

  it('requires no field at all, and treats empty ones as omitted', async () => {
    expect(made(await send([file()]))).toMatchObject({ name: 'tool', version: '' })
    const empty = fields.map(([name]): Part => [name, ''])
    expect(made(await send([...empty, file()]))).toMatchObject({ name: 'tool' })
  })

  it('may specify that there is no detection', async () => {
    const deb = Buffer.from(await makeDeb())
    expect(made(await send([file('a.deb', deb)])).installers[0]!.detection).not.toBeNull()
    const without = made(await send([file('a.deb', deb), ['detection', 'null']]))
    expect(without.installers[0]!.detection).toBeNull()
    // The rule from its file does not apply to the given platform.
    const moved: Part[] = [file('a.deb', deb), ['platform', 'macos']]
    const reply = await send(moved)
    expect([reply.status, errorOf(reply).code]).toEqual([400, 'E_VALIDATION'])
    expect(errorOf(reply).details[0]).toEqual({
      path: '/detection/type',
      message: expect.stringMatching(/macos cannot evaluate the rule dpkg/) as string,
    })
    expect(made(await send([...moved, ['detection', 'null']])).installers[0]!.platform).toBe(
      'macos',
    )
  })

  it.each(['../../../etc/cron.d/evil.sh', '..\\..\\evil.sh', '/root/evil.sh'])(
    'named %s is stored under its hash and named after its last component',
    async (name) => {
      const software = made(await send([file(name)]))
      expect(software.installers[0]!.file_name).toBe('evil.sh')
      const { sha256 } = software.installers[0]!
      expect(contentFiles()).toEqual([join(sha256!.slice(0, 2), sha256!)])
    },
  )

  it('ignores unknown fields, other files and a second file', async () => {
    const software = made(
      await send([
        ['surprise', 'x'],
        ['icon', { fileName: 'icon.png', bytes: Buffer.alloc(300_000) }],
        file('first.sh'),
        file('second.exe', Buffer.alloc(500_000)),
        ['name', 'Late'],
      ]),
    )
    expect(software).toMatchObject({ name: 'Late', installers: [{ file_name: 'first.sh' }] })
    expect(contentFiles()).toHaveLength(1)
  })

  it('of many megabytes arrives complete, although other requests are limited to one', async () => {
    const bytes = Buffer.concat([Buffer.from(SCRIPT), randomBytes(24 * 1024 * 1024 + 17)])
    const software = made(await send([file('big.sh', bytes), ['version', '1']]))
    expect(software.installers[0]).toMatchObject({
      size_bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
  })

  it('adds an installer to existing software', async () => {
    const { id } = made(await send([file()]))
    const path = `/software/${id}/installers`
    const now = made(await send([file('b.cmd', 'exit 0')], path))
    expect(now.installers.map((i) => i.platform)).toEqual(['linux', 'windows'])
    const again = await send([file('c.cmd', 'exit 1')], path)
    expect([again.status, errorOf(again).code]).toEqual([409, 'E_CONFLICT'])
    const nowhere = await send([file('c.cmd', 'exit 1')], '/software/9999/installers')
    expect([nowhere.status, errorOf(nowhere).code]).toEqual([404, 'E_NOT_FOUND'])
    expect(contentFiles()).toHaveLength(2)
  })
})

describe('an upload that is refused', () => {
  it.each<[string, Part[], string, string]>([
    ['without a file', [['name', 'x']], 'E_VALIDATION', '/file'],
    ['without a field', [], 'E_VALIDATION', '/file'],
    [
      'with its file under another name',
      [['installer', { fileName: 'a.sh', bytes: SCRIPT }]],
      'E_VALIDATION',
      '/file',
    ],
    [
      'with a time that is not a number',
      [file(), ['timeout_seconds', 'soon']],
      'E_VALIDATION',
      '/timeout_seconds',
    ],
    [
      'with a time out of range',
      [['timeout_seconds', '0'], file()],
      'E_VALIDATION',
      '/timeout_seconds',
    ],
    [
      'with exit codes that are not JSON',
      [file(), ['success_exit_codes', '0,1']],
      'E_VALIDATION',
      '/success_exit_codes',
    ],
    [
      'with exit codes that are not numbers',
      [file(), ['success_exit_codes', '["one"]']],
      'E_VALIDATION',
      '/success_exit_codes/0',
    ],
    ['with an unknown platform', [file(), ['platform', 'beos']], 'E_VALIDATION', '/platform'],
    [
      'with a detection of another platform than its file',
      [file(), ['detection', '{"type":"uninstall_entry","name":"Tool"}']],
      'E_VALIDATION',
      '/detection/type',
    ],
    [
      'with a detection rule of another platform',
      [file(), ['platform', 'windows'], ['detection', '{"type":"file","path":"/opt/tool"}']],
      'E_VALIDATION',
      '/detection/path',
    ],
    [
      'with a detection of no kind',
      [file(), ['detection', '{"type":"magic"}']],
      'E_VALIDATION',
      '/detection/type',
    ],
    ['with an open quote', [file(), ['install_args', '"']], 'E_VALIDATION', '/install_args'],
    ['with a name of control characters', [file(), ['name', 'a\u0007b']], 'E_VALIDATION', '/name'],
    [
      'with a field that is too long',
      [file(), ['install_args', 'x'.repeat(70_000)]],
      'E_VALIDATION',
      '/install_args',
    ],
    ['of an unknown kind', [file('notes.txt')], 'E_MEDIA_TYPE', '/file'],
  ])('%s is reported and leaves nothing behind', async (_what, parts, code, path) => {
    const reply = await send(parts)
    expect(reply.status).toBe(code === 'E_MEDIA_TYPE' ? 415 : 400)
    expect(errorOf(reply).code).toBe(code)
    expect(errorOf(reply).details[0]!.path).toBe(path)
    await nothingKept()
  })

  it('because its package is broken gets the reason', async () => {
    const deb = Buffer.from(await makeDeb())
    const reply = await send([file('a.deb', deb.subarray(0, deb.length - 50))])
    expect([reply.status, errorOf(reply).code]).toEqual([400, 'E_PACKAGE_UNREADABLE'])
    expect(errorOf(reply).message).toContain('data.tar.gz should have')
    await nothingKept()
  })

  it('because it is not multipart', async () => {
    const reply = await t.rest.raw('POST', '/software', { name: 'x' })
    expect([reply.status, errorOf(reply).code]).toEqual([415, 'E_MEDIA_TYPE'])
  })

  it('because its boundary is invalid', async () => {
    const reply = await t.rest.raw('POST', '/software', 'no parts in here', {
      'content-type': 'multipart/form-data',
    })
    expect(reply.status).toBe(400)
    expect(['E_MALFORMED', 'E_UPLOAD_ABORTED']).toContain(errorOf(reply).code)
  })

  it('because nobody is signed in is not read', async () => {
    const form = new FormData()
    form.append('file', new Blob([SCRIPT]), 'a.sh')
    const reply = await t.anonymous.raw('POST', '/software', form)
    expect(reply.status).toBe(401)
    await nothingKept()
  })

  it('because of its kind is answered while it is still being sent', async () => {
    const reply = await send([file('movie.mkv', Buffer.alloc(30 * 1024 * 1024))])
    expect([reply.status, errorOf(reply).code]).toEqual([415, 'E_MEDIA_TYPE'])
    await nothingKept()
  })
})

describe('fields of an upload', () => {
  it('that a part already declared as JSON are used unchanged', () => {
    const fields = decodeFields(new Map<string, unknown>([['success_exit_codes', [1]]]))
    expect(fields.success_exit_codes).toEqual([1])
  })
  it('of a package for one user answers with a warning and the argument that installs for everyone', async () => {
    const properties = {
      ProductName: 'Per user',
      ProductVersion: '1.0',
      ProductCode: '{11111111-2222-3333-4444-555555555555}',
    }
    const bytes = Buffer.from(makeMsiBytes({ properties, template: 'x64;1033' }))
    const answer = made(await send([file('a.msi', bytes)]))
    const knowledge = {
      scope: 'user',
      facts: { install_args: { value: '/qn /norestart ALLUSERS=1' } },
      warnings: [{ code: 'per_user', text: expect.stringContaining('ALLUSERS=1') as string }],
    }
    expect(answer).toMatchObject({ knowledge, installers: [{ install_args: '', knowledge }] })
    const machine = makeMsiBytes({ properties: { ...properties, ALLUSERS: '1' }, template: '' })
    expect(made(await send([file('b.msi', Buffer.from(machine))]))).toMatchObject({
      knowledge: { scope: 'machine', warnings: [] },
    })
    expect(made(await send([file()]))).toMatchObject({ knowledge: null })
  })

  describe('with a manifest', () => {
    const manifest = (text: string): Part => ['manifest', { fileName: 'a.yaml', bytes: text }]
    const sha256 = createHash('sha256').update(SCRIPT).digest('hex')
    const winget = `PackageIdentifier: A.B\nPackageName: From winget\nPackageVersion: 1.10\nInstallers:\n- InstallerSha256: ${sha256}\n`
    it.each<[string, Part[]]>([
      ['before', [manifest(winget), file()]],
      ['after', [file(), manifest(winget)]],
    ])('%s the file has what the manifest says', async (_where, parts) => {
      expect(made(await send(parts))).toMatchObject({
        name: 'From winget',
        version: '1.10',
        knowledge: { facts: { name: { level: 'usual', source: 'manifest (winget)' } } },
      })
    })
    it('that is too large, or one of too many, is refused and nothing is kept', async () => {
      for (const parts of [
        [manifest('x'.repeat(256 * 1024 + 1))],
        Array.from({ length: 9 }, () => manifest(winget)),
      ]) {
        const reply = await send([file(), ...parts])
        expect([reply.status, errorOf(reply).details?.[0]?.path]).toEqual([400, '/manifest'])
      }
      await nothingKept()
    })
  })

  it('that the contract does not define are dropped', () => {
    expect(
      decodeFields(
        new Map([
          ['constructor', 'x'],
          ['surprise', '1'],
        ]),
      ),
    ).toEqual({})
  })
})
