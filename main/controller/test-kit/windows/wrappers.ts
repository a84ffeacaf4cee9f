/** Installers that wrap a package or an archive, made byte by byte for tests. None of them runs. */
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

/** A package behind the program, its first bytes inverted, and a footer. */
export function makeAdvanced(msi: Buffer, shift = 0): Buffer {
  const at = makeProgram({ strings: {} }).length
  const inverted = Buffer.from(msi)
  for (let i = 0; i < Math.min(0x200, msi.length); i++) inverted[i]! ^= 0xff
  const table = u32(1, 0, 2, msi.length, at, 0)
  const footer = Buffer.concat([
    u32(0, at + inverted.length + table.length, 1, 100, 0, at + inverted.length, at),
    Buffer.alloc(36, '0'),
    Buffer.from('ADVINSTSFX'),
  ])
  const overlay = Buffer.concat([Buffer.alloc(shift), inverted, table, footer])
  return makeProgram({ strings: {}, overlay })
}

/** `list`: version 13 to 17; `plain`: before; `stream`: since 18, of which only the mark is made. */
export function makeInstallShield(
  names: readonly string[],
  form: 'list' | 'plain' | 'stream' = 'list',
): Buffer {
  const strings = { ProductName: 'InstallShield', CompanyName: 'Flexera', FileDescription: 'Setup' }
  if (form === 'plain') {
    const files = names.map((name) =>
      Buffer.from(`${name}\0Disk1\\${name}\0${1}.0.0.0\0${4}\0data`),
    )
    return makeProgram({ strings, overlay: Buffer.concat(files) })
  }
  const head = Buffer.alloc(46)
  head.write(form === 'stream' ? 'ISSetupStream\0' : 'InstallShield\0', 'latin1')
  head.writeUInt16LE(names.length, 14)
  const files = names.map((name) => {
    const entry = Buffer.alloc(312)
    entry.write(name, 'latin1')
    entry.writeUInt32LE(4, 268)
    return Buffer.concat([entry, Buffer.from('data')])
  })
  return makeProgram({ strings, overlay: Buffer.concat([head, ...files]) })
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

/** The program has one section, so the data of the bundle are put behind it and the section is moved there. */
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
export const makeVelopack = (nupkg: Buffer): Buffer => makeProgram({ strings: {}, overlay: nupkg })

/** @param settings null: it only unpacks an archive */
export function makeSevenZip(settings: string | null): Buffer {
  const archive = Buffer.alloc(32)
  archive.write('377abcaf271c0004', 'hex')
  const text = settings === null ? '' : `\ufeff;!@Install@!UTF-8!\n${settings}\n;!@InstallEnd@!`
  return makeProgram({
    strings: { ProductName: '7-Zip', OriginalFilename: '7zS.sfx.exe' },
    overlay: Buffer.concat([Buffer.from(text), archive]),
  })
}
export const makeRar = (): Buffer =>
  makeProgram({
    strings: { ProductName: 'WinRAR' },
    overlay: Buffer.from('526172211a0700cf907300000d00000000000000', 'hex'),
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
