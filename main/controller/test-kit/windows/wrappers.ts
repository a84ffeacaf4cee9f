/** Installers that wrap a package or an archive, made byte by byte for tests. None of them runs. */
import { crc32 } from 'node:zlib'
import { makeProgram } from '../windows-packages.ts'
import { makeZipOf } from '../zip-files.ts'
import { makeCabinet } from './cabinet.ts'

const RCDATA = 10
const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i)
  return bytes
}

export const makeJpackage = (msi: Buffer): Buffer =>
  makeProgram({ strings: {}, resources: [{ type: RCDATA, name: 'MSI', bytes: msi }] })

/** A program, then a package with its first bytes inverted, then a footer. */
export function makeAdvanced(msi: Buffer, shift = 0): Buffer {
  const stub = { strings: {}, debugFile: 'C:\\ReleaseAI\\win\\Release\\stubs\\x86\\ExternalUi.pdb' }
  const at = makeProgram(stub).length
  const inverted = Buffer.from(msi)
  for (let i = 0; i < Math.min(0x200, msi.length); i++) inverted[i]! ^= 0xff
  const table = u32(1, 0, 2, msi.length, at, 0)
  const footer = Buffer.concat([
    u32(0, at + inverted.length + table.length, 1, 100, 0, at + inverted.length, at),
    Buffer.alloc(36, '0'),
    Buffer.from('ADVINSTSFX'),
  ])
  const overlay = Buffer.concat([Buffer.alloc(shift), inverted, table, footer])
  return makeProgram({ ...stub, overlay })
}

/** `list`: version 13 to 17; `plain`: before; `stream`: since 18. */
export function makeInstallShield(
  names: readonly string[],
  form: 'list' | 'plain' | 'stream' = 'list',
): Buffer {
  const strings = { ProductName: 'InstallShield', CompanyName: 'Flexera', FileDescription: 'Setup' }
  const manifest = 'InstallShield.Setup'
  if (form === 'plain') {
    const files = names.map((name) =>
      Buffer.from(`${name}\0Disk1\\${name}\0${1}.0.0.0\0${4}\0data`),
    )
    return makeProgram({ strings, manifest, overlay: Buffer.concat(files) })
  }
  const head = Buffer.alloc(46)
  head.write(form === 'stream' ? 'ISSetupStream\0' : 'InstallShield\0', 'latin1')
  head.writeUInt16LE(names.length, 14)
  const files = names.map((name) => {
    if (form === 'stream') {
      const wide = Buffer.from(name, 'utf16le')
      const entry = Buffer.alloc(24)
      entry.writeUInt32LE(wide.length)
      entry.writeUInt32LE(4, 10)
      return Buffer.concat([entry, wide, Buffer.from('data')])
    }
    const entry = Buffer.alloc(312)
    entry.write(name, 'latin1')
    entry.writeUInt32LE(4, 268)
    return Buffer.concat([entry, Buffer.from('data')])
  })
  return makeProgram({ strings, manifest, overlay: Buffer.concat([head, ...files]) })
}

export type BurnOptions = {
  manifest: string | Buffer
  /** Makes the first container; the manifest is its first file. */
  container?: (manifest: Buffer) => Buffer
  version?: number
  /** Behind the first container. */
  attached?: Buffer
}
const SECTION_BYTES = 56

/** The program has one section, so the data of the bundle are appended to the program and the section is moved there. */
export function makeBurn(options: BurnOptions): Buffer {
  const { container = (bytes: Buffer) => makeCabinet({ 0: bytes }) } = options
  const cabinet = container(Buffer.from(options.manifest))
  const attached = options.attached ?? Buffer.from('attached')
  const section = Buffer.alloc(SECTION_BYTES)
  const overlay = Buffer.concat([section, cabinet, attached])
  const bytes = makeProgram({ strings: {}, sectionName: '.wixburn', overlay })
  const at = bytes.length - overlay.length
  u32(0x00f14300, options.version ?? 2).copy(bytes, at)
  bytes.writeUInt32LE(at + SECTION_BYTES, at + 24)
  u32(1, 2, cabinet.length, attached.length).copy(bytes, at + 40)
  const head = 0x80 + 24 + 240
  bytes.writeUInt32LE(SECTION_BYTES, head + 8)
  bytes.writeUInt32LE(SECTION_BYTES, head + 16)
  bytes.writeUInt32LE(at, head + 20)
  return bytes
}

/** What Squirrel and Velopack install: a program for 64-bit Windows with its description. */
export const makeNupkg = (nuspec: string): Buffer =>
  makeZipOf({
    'Probe.nuspec': nuspec,
    'lib/net45/Probe.exe': makeProgram({ strings: {}, machine: 0x8664 }),
    'lib/net45/squirrel.exe': makeProgram({ strings: {} }),
  })
export function makeSquirrel(nupkg: Buffer, fileName = 'Probe-2.5.0-full.nupkg'): Buffer {
  const bytes = makeZipOf({ RELEASES: 'x', [fileName]: nupkg })
  return makeProgram({
    strings: { ProductName: 'Squirrel-based application' },
    resources: [{ type: 'DATA', name: 131, bytes }],
  })
}
/** The place of the package is in the data of the program, in front of a mark. */
export function makeVelopack(nupkg: Buffer): Buffer {
  const place = Buffer.alloc(16)
  const mark = Buffer.from(
    '94f0b17b6893e02937eb34ef53aae7d42b54f5707ef5d6f57854983e5e94ed7d',
    'hex',
  )
  const bytes = makeProgram({
    strings: {},
    sectionName: '.rdata',
    resources: [{ type: RCDATA, name: 'BUNDLE', bytes: Buffer.concat([place, mark]) }],
    overlay: nupkg,
  })
  const at = bytes.indexOf(mark) - place.length
  bytes.writeBigInt64LE(BigInt(bytes.length - nupkg.length), at)
  bytes.writeBigInt64LE(BigInt(nupkg.length), at + 8)
  return bytes
}

/** The head of an archive, some bytes in place of its files, and some in place of their list. */
export function makeSevenZipArchive(): Buffer {
  const [files, list] = [Buffer.alloc(90, 'files'), Buffer.alloc(20, 'list')]
  const head = Buffer.alloc(32)
  head.write('377abcaf271c0004', 'hex')
  head.writeBigUInt64LE(BigInt(files.length), 12)
  head.writeBigUInt64LE(BigInt(list.length), 20)
  head.writeUInt32LE(crc32(list), 28)
  head.writeUInt32LE(crc32(head.subarray(12)), 8)
  return Buffer.concat([head, files, list])
}

/** @param settings null: it only unpacks an archive */
export function makeSevenZip(settings: string | null): Buffer {
  const archive = makeSevenZipArchive()
  const text = settings === null ? '' : `\ufeff;!@Install@!UTF-8!\n${settings}\n;!@InstallEnd@!`
  return makeProgram({
    strings: { ProductName: '7-Zip', OriginalFilename: '7zS.sfx.exe' },
    overlay: Buffer.concat([Buffer.from(text), archive]),
  })
}
/** Blocks: the head of the archive, a file of 40 bytes, the end. Checksums are left out. */
export function makeRarArchive(version: 4 | 5): Buffer {
  const data = Buffer.alloc(40, 'file')
  const blocks =
    version === 4
      ? [
          '526172211a0700',
          '0000730000' + '0d00' + '00'.repeat(6),
          '0000740080' + '2000' + '28000000' + '00'.repeat(21),
        ]
      : ['526172211a070100', '00000000' + '03010000', '00000000' + '04020228' + '00']
  const end = version === 4 ? '00007b00400700' : '00000000' + '03050400'
  return Buffer.concat([
    ...blocks.map((hex) => Buffer.from(hex, 'hex')),
    data,
    Buffer.from(end, 'hex'),
  ])
}
export const makeRar = (version: 4 | 5 = 5): Buffer =>
  makeProgram({
    strings: { ProductName: 'WinRAR self-extracting archive' },
    overlay: makeRarArchive(version),
  })
export function makeIexpress(texts: Readonly<Record<string, string>>): Buffer {
  const text = ([name, value]: [string, string]) => ({
    type: RCDATA,
    name,
    bytes: Buffer.from(`${value}\0`),
  })
  return makeProgram({
    strings: { ProductName: 'Internet Explorer', OriginalFilename: 'WEXTRACT.EXE' },
    resources: [
      { type: RCDATA, name: 'CABINET', bytes: makeCabinet({ 'a.exe': Buffer.from('MZ') }) },
      ...Object.entries(texts).map(text),
    ],
  })
}
