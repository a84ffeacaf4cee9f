import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AppError } from '#shared/contract/errors.ts'
import {
  CONTROL,
  CONTROL_TAR_XZ,
  CONTROL_TAR_ZST,
  makeAr,
  makeDeb,
  makeRpm,
  makeTar,
} from '../../test-kit/packages.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeElf } from '../../test-kit/linux-programs.ts'
import { kindOrThrow } from './index.ts'

const inspector = openInspector()
const { folder, look } = inspector
afterAll(() => inspector.close())

/** The message with which the file is refused. */
async function refusal(name: string, bytes: Buffer | string): Promise<string> {
  const error = await look(name, bytes).then(
    () => null,
    (e: AppError) => e,
  )
  expect(error?.code).toBe('E_PACKAGE_UNREADABLE')
  return error!.message
}

describe('a Debian package', () => {
  const facts = {
    name: 'deployx-probe',
    version: '1:2.10-3~test',
    publisher: 'Ann Onym',
    platform: 'linux',
    arch: 'x64',
    archWord: 'amd64',
    detection: {
      type: 'dpkg',
      name: 'deployx-probe',
      arch: 'amd64',
      version: '1:2.10-3~test',
      operator: 'ge',
    },
    knowledge: expect.objectContaining({
      technology: 'deb',
      complete: true,
      warnings: [],
    }) as object,
  }

  it('yields name, version, publisher, architecture and a detection rule', async () => {
    expect(await look('x.deb', await makeDeb())).toEqual(facts)
  })

  it.each([
    ['control.tar.xz', CONTROL_TAR_XZ],
    ['control.tar.zst', CONTROL_TAR_ZST],
  ])('is read from %s as well', async (name, bytes) => {
    expect(await look('x.deb', await makeDeb({ controlMember: { name, bytes } }))).toEqual(facts)
  })

  it('is read from an uncompressed control.tar, with names as GNU ar writes them', async () => {
    const bytes = await makeTar({ control: CONTROL })
    const deb = await makeDeb({
      parts: ({ binary, data }) => [
        { ...binary, name: 'debian-binary/' },
        { name: 'control.tar/', bytes },
        { name: '_gpgorigin/', bytes: Buffer.from('odd') },
        { ...data, name: 'data.tar.gz/' },
      ],
    })
    expect(await look('x.deb', deb)).toEqual(facts)
  })

  it.each([
    ['all', 'any'],
    ['amd64', 'x64'],
    ['arm64', 'arm64'],
    ['i386', 'x86'],
    ['riscv64', null],
  ])('of the architecture %s is for %s', async (word, arch) => {
    const control = CONTROL.replace('amd64', word)
    const found = await look('x.deb', await makeDeb({ control }))
    expect([found.arch, found.archWord]).toEqual([arch, word])
  })

  it('may omit its maintainer, and end its lines with CRLF', async () => {
    const control = 'Package: probe\r\nVersion: 1\r\nArchitecture: all\r\n'
    expect(await look('x.deb', await makeDeb({ control }))).toMatchObject({
      name: 'probe',
      version: '1',
      publisher: '',
    })
  })

  it.each([0, 1])('is refused wherever it was cut off (%i bytes more of data)', async (more) => {
    let padding = 0
    const deb = await makeDeb({
      parts: ({ binary, control, data }) => {
        const bytes = Buffer.concat([data.bytes, Buffer.alloc(more)])
        padding = bytes.length % 2
        return [binary, control, { ...data, bytes }]
      },
    })
    // All except the padding byte after an odd end, which holds nothing; dpkg ignores it as well.
    const end = deb.length - padding
    expect(await look('x.deb', deb.subarray(0, end))).toEqual(facts)
    const cuts = new Set<number>([1, 7, 8, 9, 67, 68, 71, 72, 73, 131, 132, 133])
    for (let at = 134; at < end; at += 97) cuts.add(at)
    cuts.add(end - 2).add(end - 1)
    for (const cut of cuts) {
      const message = await refusal('x.deb', deb.subarray(0, cut))
      expect(message, `cut at ${cut}`).toMatch(
        /cut off|missing|is not a Debian package|whatever its name says/,
      )
    }
  })

  it('reports which part is incomplete', async () => {
    const deb = await makeDeb()
    expect(await refusal('x.deb', deb.subarray(0, deb.length - 100))).toContain(
      'data.tar.gz should have',
    )
  })

  it.each<[string, Parameters<typeof makeDeb>[0], RegExp]>([
    ['without data', { parts: (p) => [p.binary, p.control] }, /data\.tar is missing/],
    ['without control', { parts: (p) => [p.binary, p.data] }, /control\.tar is missing/],
    ['that begins with something else', { parts: (p) => [p.control, p.data] }, /not a Debian/],
    [
      'of another format',
      { parts: (p) => [{ ...p.binary, bytes: Buffer.from('3.0\n') }, p.control, p.data] },
      /format is not 2/,
    ],
    [
      'without a control file',
      { controlMember: { name: 'control.tar', bytes: Buffer.alloc(1024) } },
      /no control file/,
    ],
    ['without a name', { control: 'Version: 1\nArchitecture: all\n' }, /names no package/],
    [
      'with a path as its name',
      { control: 'Package: ../x\nVersion: 1\nArchitecture: all\n' },
      /names no package/,
    ],
    ['without a version', { control: 'Package: x2\nArchitecture: all\n' }, /names no version/],
    ['without an architecture', { control: 'Package: x2\nVersion: 1\n' }, /names no architecture/],
    [
      'packed in an unknown way',
      { controlMember: { name: 'control.tar.lz4', bytes: Buffer.from('x') } },
      /not known \(\.lz4\)/,
    ],
    [
      'with too many members',
      {
        parts: (p) => [p.binary, ...Array.from({ length: 40 }, () => p.binary), p.control, p.data],
      },
      /too many members/,
    ],
  ])('%s is refused', async (_what, options, message) => {
    expect(await refusal('x.deb', await makeDeb(options))).toMatch(message)
  })

  it.each([
    ['control.tar.gz', () => gzipSync(Buffer.alloc(1000)).subarray(0, 20)],
    ['control.tar.gz', () => Buffer.from('this is not gzip')],
    ['control.tar.xz', () => CONTROL_TAR_XZ.subarray(0, 200)],
    ['control.tar.xz', () => CONTROL_TAR_XZ.subarray(0, 4)],
    ['control.tar.xz', () => Buffer.alloc(0)],
    ['control.tar.xz', () => Buffer.from(CONTROL_TAR_XZ).fill(0x55, 100, 140)],
    ['control.tar.zst', () => CONTROL_TAR_ZST.subarray(0, 200)],
    ['control.tar.zst', () => Buffer.from('this is not zstd')],
    ['control.tar.zst', () => Buffer.alloc(0)],
    ['control.tar', () => Buffer.alloc(2048, 0x41)],
  ])('with a damaged %s is refused', async (name, bytes) => {
    const deb = await makeDeb({ controlMember: { name, bytes: bytes() } })
    expect(await refusal('x.deb', deb)).toMatch(/damaged|no control file/)
  })

  it('is refused when its control part is large, packed or unpacked', async () => {
    const big = { name: 'control.tar', bytes: Buffer.alloc(4 * 1024 * 1024 + 2) }
    expect(await refusal('x.deb', await makeDeb({ controlMember: big }))).toContain('4 MiB')
    const zeros = Buffer.alloc(17 * 1024 * 1024)
    const bomb = { name: 'control.tar.gz', bytes: gzipSync(zeros) }
    expect(await refusal('x.deb', await makeDeb({ controlMember: bomb }))).toContain('16 MiB')
  })

  const packers = [
    ['control.tar.xz', 'xz'],
    ['control.tar.zst', 'zstd'],
  ] as const
  it.each(packers)('with a %s that unpacks to more than allowed is refused', async (name, tool) => {
    const file = join(folder, 'zeros')
    writeFileSync(file, Buffer.alloc(17 * 1024 * 1024))
    let bytes: Buffer
    try {
      bytes = execFileSync(tool, ['-c', file], { maxBuffer: 2 ** 26 })
    } catch {
      process.stderr.write(`SKIPPED: there is no ${tool} here to make the test's file\n`)
      return
    }
    expect(await refusal('x.deb', await makeDeb({ controlMember: { name, bytes } }))).toContain(
      '16 MiB',
    )
    // And the next valid one is read.
    expect(
      await look(
        'x.deb',
        await makeDeb({ controlMember: { name: 'control.tar.xz', bytes: CONTROL_TAR_XZ } }),
      ),
    ).toEqual(facts)
  })

  it('with a damaged header is refused', async () => {
    const deb = await makeDeb()
    const broken = Buffer.from(deb)
    broken.write('xx', 72 + 58, 'latin1')
    expect(await refusal('x.deb', broken)).toContain('damaged header')
    const negative = Buffer.from(deb)
    negative.write('-5        ', 72 + 48, 'latin1')
    expect(await refusal('x.deb', negative)).toContain('damaged header')
    expect(await refusal('x.deb', makeAr([]))).toContain('not a Debian package')
  })
})

describe("Debian's own package hello", () => {
  let deb: Buffer | null = null
  beforeAll(() => {
    try {
      execFileSync('apt-get', ['download', 'hello'], {
        cwd: folder,
        stdio: 'ignore',
        timeout: 60_000,
      })
      const name = readdirSync(folder).find((f) => f.startsWith('hello_'))!
      deb = readFileSync(join(folder, name))
    } catch {
      process.stderr.write("SKIPPED: Debian's package hello cannot be downloaded here\n")
    }
  })

  it('is read, and refused when cut off', async (context) => {
    if (!deb) return context.skip()
    const found = await look('hello.deb', deb)
    expect(found).toMatchObject({ name: 'hello', platform: 'linux' })
    expect(found.version).toMatch(/^2\.\d+/)
    expect(found.publisher).not.toBe('')
    expect(['x64', 'arm64', 'x86']).toContain(found.arch)
    for (const part of [0.1, 0.5, 0.9, 0.999])
      await refusal('hello.deb', deb.subarray(0, Math.floor(deb.length * part)))
    await refusal('hello.deb', deb.subarray(0, deb.length - 2))
  })
})

describe('an RPM package', () => {
  it('yields name, version with release, publisher, architecture and a detection rule', async () => {
    expect(await look('x.rpm', makeRpm())).toEqual({
      name: 'probe',
      version: '1.2-3.el9',
      publisher: 'Ann Onym',
      platform: 'linux',
      arch: 'x64',
      archWord: 'x86_64',
      detection: {
        type: 'rpm',
        name: 'probe',
        arch: 'x86_64',
        version: '1.2-3.el9',
        operator: 'ge',
      },
      knowledge: expect.objectContaining({ technology: 'rpm', complete: null }) as object,
    })
  })

  it('yields its epoch, and no architecture when it is independent of one', async () => {
    const rpm = makeRpm({ 1000: 'Probe', 1001: '1.2', 1002: '3', 1003: 4, 1022: 'noarch' })
    expect(await look('x.rpm', rpm)).toMatchObject({
      version: '4:1.2-3',
      detection: { type: 'rpm', name: 'Probe', version: '4:1.2-3', operator: 'ge' },
    })
    expect((await look('x.rpm', rpm)).detection).not.toHaveProperty('arch')
    expect(await look('x.rpm', makeRpm({ 1000: 'p', 1001: '1', 1003: 0 }))).toMatchObject({
      version: '1',
    })
    const odd = makeRpm({ 1000: 'p', 1001: '1', 1003: 'one' })
    expect(await refusal('x.rpm', odd)).toContain('epoch')
  })

  it('is refused wherever its header was cut off, and without a payload', async () => {
    const rpm = makeRpm()
    for (let cut = 4; cut <= rpm.length - 'payload'.length; cut += 3)
      await refusal('x.rpm', rpm.subarray(0, cut))
    await refusal('x.rpm', rpm.subarray(0, rpm.length - 'payload'.length))
  })

  it('is refused without a name, and with absurd sizes', async () => {
    expect(await refusal('x.rpm', makeRpm({ 1001: '1' }))).toContain('names no package')
    const absurd = makeRpm()
    absurd.writeUInt32BE(0xffffffff, 96 + 8)
    expect(await refusal('x.rpm', absurd)).toContain('larger than any real one')
    const wild = makeRpm({ 1000: 'probe', 1001: '1' })
    const storeBytes = 'probe'.length + '1'.length + 2
    wild.writeUInt32BE(0x7fffffff, wild.length - 'payload'.length - storeBytes - 2 * 16 + 8)
    await refusal('x.rpm', wild)
  })
})

describe('other installers', () => {
  const filled = (hex: string, size = 2048) => {
    const bytes = Buffer.alloc(size)
    bytes.write(hex, 'hex')
    return bytes
  }
  const pe = (machine: number) => {
    const bytes = filled('4d5a')
    bytes.writeUInt32LE(0x80, 60)
    bytes.writeUInt32LE(0x4550, 0x80)
    bytes.writeUInt16LE(machine, 0x84)
    // One section, which is empty.
    bytes.writeUInt16LE(1, 0x86)
    bytes.write('.text', 0x98)
    return bytes
  }
  const elf = (machine: number) => Buffer.concat([makeElf(machine), Buffer.alloc(2_000)])
  const dmg = () => {
    const bytes = Buffer.alloc(4096)
    bytes.write('koly', 4096 - 512, 'latin1')
    bytes.writeUInt32BE(512, 4096 - 512 + 8)
    return bytes
  }

  it.each<[string, Buffer | string, string, string]>([
    ['Set up.exe', pe(0x8664), 'windows', 'x64'],
    ['Set up.exe', pe(0xaa64), 'windows', 'arm64'],
    ['Set up.exe', pe(0x14c), 'windows', 'any'],
    ['Set up.ps1', 'Write-Output 1', 'windows', 'any'],
    ['Set up.ps1', Buffer.from('\ufeffWrite-Output 1', 'utf16le'), 'windows', 'any'],
    ['Set up.cmd', '@echo off', 'windows', 'any'],
    ['Set up.bat', '@echo off', 'windows', 'any'],
    ['Set up.sh', '#!/bin/sh\n', 'linux', 'any'],
    [
      'Set up.sh',
      Buffer.concat([Buffer.from('#!/bin/sh\nexit\n'), Buffer.alloc(50)]),
      'linux',
      'any',
    ],
    ['Set up.AppImage', elf(0x3e), 'linux', 'x64'],
    ['Set up.AppImage', elf(0xb7), 'linux', 'arm64'],
    ['Set up.dmg', dmg(), 'macos', 'any'],
  ])('%s gets its name from the file name, for %s', async (name, bytes, platform, arch) => {
    expect(await look(name, bytes)).toMatchObject({
      name: 'Set up',
      version: '',
      publisher: '',
      platform,
      arch,
      detection: null,
    })
  })

  it.each(['x.msi', 'x.exe', 'x.rpm', 'x.appimage', 'x.pkg', 'x.dmg', 'x.deb'])(
    '%s is refused when it contains a web page',
    async (name) => {
      expect(await refusal(name, '<!doctype html><title>Sign in</title>'.repeat(40))).toContain(
        'whatever its name says',
      )
    },
  )

  const noise = (seed: number, length = 4_096) =>
    Buffer.from(Array.from({ length }, (_, i) => (i * i * 31 + i * seed + seed) % 251))

  it('x.AppImage is refused when only its first bytes are those of a program', async () => {
    for (const seed of [7, 19, 101]) {
      const bytes = noise(seed)
      bytes.write('7f454c46', 'hex')
      expect(await refusal('x.AppImage', bytes)).toContain('is not an AppImage')
      bytes.write('7f454c46020101', 'hex')
      await refusal('x.AppImage', bytes)
    }
    const library = elf(0x3e)
    library.writeUInt16LE(1, 16)
    await refusal('x.AppImage', library)
  })

  it.each(['x.ps1', 'x.cmd', 'x.sh'])('%s is refused when it is a program', async (name) => {
    await refusal(name, pe(0x8664))
    await refusal(name, elf(0x3e))
  })

  it.each(['x.sh', 'x.deb', 'x.exe', 'x.dmg'])('%s is refused when it is empty', async (name) => {
    expect(await refusal(name, '')).toContain('empty')
  })

  it.each(['x.dmg', 'x.appimage', 'x.rpm', 'x.msi', 'x.pkg', 'x.exe', 'x.deb'])(
    '%s of a single byte is refused',
    async (name) => {
      await refusal(name, 'M')
    },
  )

  it('of an unknown kind are refused with the accepted kinds', () => {
    for (const name of ['notes.txt', 'archive.7z', 'noextension', 'deb'])
      expect(() => kindOrThrow(name)).toThrow(
        expect.objectContaining({
          code: 'E_MEDIA_TYPE',
          message: expect.stringContaining('.appimage') as string,
        }) as Error,
      )
    expect(kindOrThrow('A.MSI')).toBe('msi')
  })
})
