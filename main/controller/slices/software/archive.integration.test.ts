/** Archives in the library: what is read from them, what the user has to specify, and what is refused. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { pack, type Header } from 'tar-stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AppError } from '#shared/contract/errors.ts'
import type { SoftwareFields } from '#shared/contract/rest/software.ts'
import { ARCHIVE_ENTRY_LIMIT } from '#shared/domain/archives.ts'
import type { Viewer } from '../../base/context.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'

const hasPython = spawnSync('python3', ['--version']).error === undefined
if (!hasPython) process.stderr.write('SKIPPED: zip archives (needs python3)\n')

let library: TestLibrary
let ann: Viewer
let work: string
beforeEach(() => {
  library = openLibrary()
  ann = library.addUser('ann', 'technician')
  work = mkdtempSync(join(tmpdir(), 'deployx-archives-'))
})
afterEach(async () => {
  await library.close()
  rmSync(work, { recursive: true, force: true })
})

type Entry = Partial<Header> & { name: string; content?: string | Buffer }
async function tarOf(...entries: Entry[]): Promise<Buffer> {
  const tar = pack()
  for (const { content, ...header } of entries) tar.entry(header, content ?? '')
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return gzipSync(Buffer.concat(pieces))
}
/** Made with Python's zipfile: `lines` see the open archive as `z`. */
function zipOf(...lines: string[]): Buffer {
  const code = [
    'import zipfile',
    "z=zipfile.ZipFile('a.zip','w',zipfile.ZIP_DEFLATED)",
    ...lines,
    'z.close()',
  ]
  execFileSync('python3', ['-c', code.join('\n')], { cwd: work })
  return readFileSync(join(work, 'a.zip'))
}
const files = (...paths: string[]): Entry[] => paths.map((name) => ({ name, content: 'x' }))
async function add(fileName: string, bytes: Buffer, fields: SoftwareFields = {}) {
  const upload = await library.software.receive({ fileName, stream: Readable.from([bytes]) })
  return library.software.create(ann, upload, fields)
}
const refusal = (adding: Promise<unknown>): Promise<AppError> =>
  adding.then(
    () => expect.unreachable('the archive was accepted'),
    (error: AppError) => {
      expect(library.files()).toEqual([])
      return error
    },
  )

describe('an archive', () => {
  it('yields its size, and its entry when only one is possible', async () => {
    const made = await add(
      'tool-2.1.tar.gz',
      await tarOf(
        { name: 'tool-2.1/', type: 'directory' },
        { name: 'tool-2.1/install.sh', content: 'a'.repeat(1000), mode: 0o755 },
        { name: 'tool-2.1/lib/helper.sh', content: 'b'.repeat(500) },
        { name: 'tool-2.1/README', content: 'c' },
        { name: 'tool-2.1/latest', type: 'symlink', linkname: 'lib' },
      ),
    )
    expect(made).toMatchObject({ name: 'tool-2.1', version: '' })
    expect(made.installers[0]).toMatchObject({
      kind: 'tar',
      platform: 'linux',
      arch: 'any',
      archive: {
        entry: 'tool-2.1/install.sh',
        uninstall_entry: null,
        expanded_bytes: 1501,
        choices: ['tool-2.1/install.sh', 'tool-2.1/lib/helper.sh'],
      },
    })
  })

  it.runIf(hasPython)('for Windows is recognised by its contents', async () => {
    const bytes = zipOf(
      "z.writestr('setup.msi','x'*100)",
      "z.writestr('data/more.cab','y')",
      "z.writestr('tools/helper.exe','y')",
    )
    const made = await add('App 3.zip', bytes, { arch: 'x64' })
    expect(made.installers[0]).toMatchObject({
      kind: 'zip',
      platform: 'windows',
      arch: 'x64',
      archive: { entry: 'setup.msi', choices: ['setup.msi', 'tools/helper.exe'] },
    })
  })

  it('accepts the entry that the user names, with any name if the platform runs scripts without an extension', async () => {
    const bytes = await tarOf(...files('a/install', 'a/remove.sh', 'a/install.sh'))
    const fields = {
      platform: 'linux',
      entry: 'a/install',
      uninstall_entry: 'a/remove.sh',
    } as const
    const made = await add('x.tgz', bytes, fields)
    expect(made.installers[0]!.archive).toMatchObject({
      entry: 'a/install',
      uninstall_entry: 'a/remove.sh',
      choices: ['a/install.sh', 'a/remove.sh', 'a/install'],
    })
  })

  it('asks for the file to run when it is ambiguous, and lists the choices', async () => {
    const error = await refusal(add('x.tar.gz', await tarOf(...files('b.sh', 'a.sh', 'c/d.deb'))))
    expect(error).toMatchObject({
      code: 'E_VALIDATION',
      message: expect.stringContaining('choose one, for example a.sh, b.sh, c/d.deb') as string,
      details: [
        { path: '/entry' },
        { path: '/entry/choices/0', message: 'a.sh' },
        { path: '/entry/choices/1', message: 'b.sh' },
        { path: '/entry/choices/2', message: 'c/d.deb' },
      ],
    })
  })

  it('asks for the platform when it is ambiguous', async () => {
    for (const names of [['README'], ['a.exe', 'a.deb']]) {
      const error = await refusal(add('x.tar.gz', await tarOf(...files(...names))))
      expect(error).toMatchObject({
        code: 'E_VALIDATION',
        details: [{ path: '/platform' }, ...names.slice(1).flatMap(() => [{}, {}])],
      })
      expect(error.message).toContain('platform cannot be determined')
    }
  })

  it.each<[string, SoftwareFields, RegExp]>([
    [
      'an entry that it does not hold',
      { entry: 'instal.sh' },
      /no file "instal.sh"; the most similar are a\/install.sh,/,
    ],
    [
      'an entry of another platform',
      { platform: 'windows', entry: 'a/install.sh' },
      /does not run on windows/,
    ],
    [
      'a package that should remove',
      { entry: 'a/install.sh', uninstall_entry: 'b.deb' },
      /does not remove/,
    ],
  ])('refuses %s', async (_name, fields, words) => {
    const bytes = await tarOf(...files('README', 'a/install.sh', 'b.deb', 'c.sh'))
    const error = await refusal(add('x.tar.gz', bytes, { platform: 'linux', ...fields }))
    expect(error.code).toBe('E_VALIDATION')
    expect(error.message).toMatch(words)
  })

  it('can be corrected to another of its files only', async () => {
    const made = await add('x.tar.gz', await tarOf(...files('install.sh', 'd/other.sh')))
    const { id } = made.installers[0]!
    const correct = (change: Parameters<typeof library.software.updateInstaller>[3]) =>
      library.software.updateInstaller(ann, made.id, id, change).installers[0]!
    expect(correct({ entry: 'd/other.sh' }).archive).toMatchObject({ entry: 'd/other.sh' })
    expect(correct({ uninstall_entry: 'install.sh' }).archive).toMatchObject({
      entry: 'd/other.sh',
      uninstall_entry: 'install.sh',
    })
    expect(correct({ uninstall_entry: null }).archive).toMatchObject({ uninstall_entry: null })
    expect(() => correct({ entry: 'nothing.sh' })).toThrow('contains no file "nothing.sh"')
    expect(() => correct({ platform: 'windows' })).toThrow('does not run on windows')
    expect(correct({ install_args: '-q' }).archive).toMatchObject({ entry: 'd/other.sh' })
    correct({ detection: { type: 'script', interpreter: 'sh', text: 'exit 1 # secret' } })
    const details = library.audit.list(ann, { limit: 50, offset: 0 }).entries.map((e) => e.details)
    expect(details[0]).toMatch(/"detection":\{"type":"script","sha256":"[0-9a-f]{64}"\}/)
    expect(details.join()).toContain('"archive":{"entry":"d/other.sh","uninstall_entry":null}')
    expect(details.join()).not.toMatch(/secret|choices/)
  })

  it('is the only kind of installer with entries', async () => {
    const adding = add('x.sh', Buffer.from('exit 0\n'), { entry: 'a' })
    expect(await refusal(adding)).toMatchObject({
      code: 'E_VALIDATION',
      details: [{ path: '/entry' }],
    })
  })
})

describe('an archive that no agent would extract', () => {
  it.each<[string, Entry[], RegExp]>([
    ['climbs out', files('../evil', 'i.sh'), /a name in it leads out of it/],
    ['leads out as Windows would read it', files('..\\evil', 'i.sh'), /leads out/],
    ['names an absolute path', files('/etc/evil'), /leads out/],
    ['holds a device', [{ name: 'n', type: 'character-device' }], /is not a file/],
    ['links outside', [{ name: 'l', type: 'symlink', linkname: '../x' }], /link in it leads out/],
    [
      'links hard outside',
      [{ name: 'l', type: 'link', linkname: '/etc/passwd' }],
      /link in it leads out/,
    ],
    ['holds a name twice', files('a', './a'), /same name/],
    ['holds nothing', [{ name: 'd/', type: 'directory' }], /contains no files/],
  ])('is refused: %s', async (_name, entries, words) => {
    const error = await refusal(add('x.tar.gz', await tarOf(...entries)))
    expect(error.code).toBe('E_PACKAGE_UNREADABLE')
    expect(error.message).toMatch(words)
  })

  it.each<[string, Entry[], RegExp]>([
    ['a link', [{ name: 'l', type: 'symlink', linkname: 'a.exe' }], /contains links, so Windows/],
    ['a name that Windows treats as a device', files('nul.txt'), /Windows does not allow the name/],
    ['a stream of another file', files('a.exe:hidden'), /Windows does not allow the name/],
    ['two spellings', files('B', 'b'), /in two spellings/],
  ])('is refused for Windows: %s', async (_name, entries, words) => {
    const bytes = await tarOf(...files('a.exe'), ...entries)
    expect((await refusal(add('x.tar.gz', bytes, { platform: 'windows' }))).message).toMatch(words)
  })

  it('is refused when it is truncated, or is another kind of file', async () => {
    const whole = await tarOf(
      { name: 'big', content: Buffer.alloc(300_000, 'xyz') },
      ...files('i.sh'),
    )
    const cases: [string, Buffer][] = [
      ['x.tar.gz', whole.subarray(0, whole.length - 40)],
      ['x.tar.gz', gzipSync(Buffer.from('plain text'.repeat(100)))],
      ['x.tar.gz', Buffer.from('#!/bin/sh\n')],
      ['x.zip', whole],
      ['x.zip', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(500)])],
    ]
    for (const [name, bytes] of cases)
      expect((await refusal(add(name, bytes))).code).toBe('E_PACKAGE_UNREADABLE')
  })

  it('is refused when it has too many files', async () => {
    const tar = pack()
    const pieces: Buffer[] = []
    tar.on('data', (piece) => pieces.push(piece as Buffer))
    for (let i = 0; i <= ARCHIVE_ENTRY_LIMIT; i++) tar.entry({ name: `${i}` }, '')
    tar.finalize()
    await new Promise<void>((resolve) => void tar.once('end', () => resolve()))
    const error = await refusal(add('x.tar.gz', gzipSync(Buffer.concat(pieces))))
    expect(error.message).toContain(`more than ${ARCHIVE_ENTRY_LIMIT} files`)
  })

  it.runIf(hasPython).each([
    ['climbs out', "z.writestr('../evil','x')", /leads out|invalid relative path/],
    [
      'links outside',
      "i=zipfile.ZipInfo('l'); i.create_system=3; i.external_attr=0o120777<<16; z.writestr(i,'/etc/passwd')",
      /link in it leads out/,
    ],
    [
      'is packed in another way',
      "z.writestr('b','x'*99,zipfile.ZIP_LZMA)",
      /not known \(method 14\)/,
    ],
    [
      'claims to hold more than allowed',
      "z.writestr('a.sh','x'); z.filelist[0].file_size=40<<30",
      /expands to more than 32 GiB/,
    ],
    ['needs a password', "z.writestr('a.sh','x'); z.filelist[0].flag_bits|=1", /password/],
  ])('is refused: a zip that %s', async (_name, line, words) => {
    expect((await refusal(add('x.zip', zipOf(line)))).message).toMatch(words)
  })
})
