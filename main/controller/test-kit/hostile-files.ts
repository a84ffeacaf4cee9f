/** Files designed to stop their reader, for tests and benchmarks. Each is small and looks valid. */
import { spawnSync } from 'node:child_process'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { makeXar } from './macos-packages.ts'
import { CONTROL, makeDeb } from './packages.ts'
import { makeMsiBytes, makeProgram } from './windows-packages.ts'

export type HostileFile = { name: string; what: string; bytes: Buffer }

const KIB = 1024
const PRODUCT = {
  ProductName: 'Name',
  ProductVersion: '1',
  ProductCode: '{11111111-2222-3333-4444-555555555555}',
}

/** A tar header with a size but no content. */
function tarHeader(name: string, sizeBytes: number, type = '0'): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${sizeBytes.toString(8).padStart(11, '0')} `, 124)
  header.write('00000000000 ', 136)
  header.write('        ', 148)
  header.write(type, 156)
  header.write('ustar\u000000', 257, 'latin1')
  let sum = 0
  for (const byte of header) sum += byte
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** A zip directory of `count` entries named by `name`; the files themselves are empty. */
export function makeZip(count: number, name: (index: number) => string, extraBytes = 0): Buffer {
  const extra = Buffer.alloc(extraBytes)
  if (extraBytes >= 4) {
    extra.writeUInt16LE(0x9999, 0)
    extra.writeUInt16LE(extraBytes - 4, 2)
  }
  const pieces: Buffer[] = []
  for (let i = 0; i < count; i++) {
    const file = Buffer.from(name(i))
    const head = Buffer.alloc(46)
    head.writeUInt32LE(0x02014b50, 0)
    head.writeUInt16LE(20, 4)
    head.writeUInt16LE(20, 6)
    head.writeUInt16LE(file.length, 28)
    head.writeUInt16LE(extra.length, 30)
    pieces.push(head, file, extra)
  }
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  const directory = Buffer.concat(pieces)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(count, 0xffff), 8)
  end.writeUInt16LE(Math.min(count, 0xffff), 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, directory, end])
}

/** Zeros that unpack to `mib` MiB; null if there is no xz. */
function xzOfZeros(mib: number): Buffer | null {
  const command = `head -c ${mib}M /dev/zero | xz -0 -T2 -c`
  const made = spawnSync('sh', ['-c', command], { maxBuffer: 2 ** 26 })
  return made.status === 0 && made.stdout.length > 100 ? made.stdout : null
}

/** A resource directory with a thousand entries, each of which leads back to this directory. */
function programOfDirectories(): Buffer {
  const resources = [{ type: 10, name: 1, bytes: Buffer.alloc(16 * KIB) }]
  const bytes = makeProgram({ strings: {}, resources })
  const root = bytes.readUInt32LE(0x80 + 24 + 240 + 20)
  bytes.writeUInt16LE(1_000, root + 12)
  bytes.writeUInt16LE(0, root + 14)
  for (let at = root + 16; at < root + 16 + 8_000; at += 8) {
    bytes.writeUInt32LE(0x80000000, at)
    bytes.writeUInt32LE(0x80000000, at + 4)
  }
  return bytes
}

/** @param bombMiB the unpacked size of the compressed ones */
export async function hostileFiles(bombMiB: number): Promise<HostileFile[]> {
  const files: HostileFile[] = []
  const add = (name: string, what: string, bytes: Buffer): void => {
    files.push({ name, what, bytes })
  }
  const table = (what: string, piece: string, bytes = 256 * KIB): void =>
    add('table.pkg', what, makeXar(piece.repeat(Math.ceil(bytes / piece.length))))
  table('tags that do not end', '<file ')
  table('comments that do not end', '<!--')
  table('elements that do not end', '<file>')
  table('attributes that do not end', '<a b="')
  table('sections that do not end', '<![CDATA[')
  table('a million elements', '<a/>', 8 * 1024 * KIB)
  table('a million files', '<file><name>a</name></file>', 15 * 1024 * KIB)
  add('end.pkg', 'one open element', makeXar(`<xar>${'x<'.repeat(100 * KIB)}`))

  for (const [what, line] of [
    ['angle brackets as its maintainer', `Maintainer: ${'<'.repeat(128 * KIB)}\n`],
    ['a million continuation lines', `Description: x\n${' y\n'.repeat(300 * KIB)}`],
    ['a field for every line', 'a: b\n'.repeat(200 * KIB)],
  ] as const)
    add('control.deb', what, await makeDeb({ control: CONTROL + line }))
  const zeros = Buffer.alloc(15 * 1024 * KIB)
  const zstdHead = Buffer.from('28b52ffd00fe', 'hex') // requests a window of 2 TiB
  for (const [name, bytes] of [
    ['control.tar.gz', gzipSync(zeros)],
    ['control.tar.zst', Buffer.concat([zstdHead, Buffer.alloc(64)])],
    ['control.tar', Buffer.concat([tarHeader('control', 2 ** 32), Buffer.alloc(KIB)])],
    ['control.tar', Buffer.concat([tarHeader('x', 3 * 1024 * KIB, 'x'), zeros.subarray(0, KIB)])],
  ] as const)
    add('packed.deb', name, await makeDeb({ controlMember: { name, bytes } }))
  if (typeof zstdCompressSync === 'function') {
    const bytes = zstdCompressSync(zeros)
    add(
      'packed.deb',
      'zeros.zst',
      await makeDeb({ controlMember: { name: 'control.tar.zst', bytes } }),
    )
  }

  const oneString = { ALong: 'x'.repeat(300_000), ...PRODUCT }
  const longName = { ...PRODUCT, ProductName: 'x'.repeat(300_000) }
  for (const [what, properties] of [
    ['one long string in 20,000 rows', oneString],
    ['one long value in 20,000 rows', longName],
  ] as const)
    add('rows.msi', what, makeMsiBytes({ properties, template: '', repeatedRows: 20_000 }))

  const strings = Object.fromEntries(
    Array.from({ length: 500 }, (_, i) => [`k${i}`, 'v'.repeat(40)]),
  )
  add('strings.exe', 'a long version resource', makeProgram({ strings }))
  add('directories.exe', 'a directory of resources that contains itself', programOfDirectories())

  const tar = (entries: Buffer[]): Buffer =>
    gzipSync(Buffer.concat([...entries, Buffer.alloc(KIB)]), { level: 1 })
  add('bomb.tar.gz', 'zeros after one file', gzipOfZeros(bombMiB))
  const xz = xzOfZeros(bombMiB)
  if (xz) add('bomb.tar.xz', 'zeros', xz)
  const deep = 'a/'.repeat(49)
  add(
    'deep.tar.gz',
    '90,000 deep names',
    tar(Array.from({ length: 90_000 }, (_, i) => tarHeader(deep + i, 0))),
  )
  add(
    'pax.tar.gz',
    'large headers',
    tar(
      Array.from({ length: 40 }, () => [
        tarHeader('p', 2 ** 21, 'g'),
        Buffer.from(`30 ${'k=v\n30 '.repeat(2 ** 18)}`.padEnd(2 ** 21).slice(0, 2 ** 21)),
      ]).flat(),
    ),
  )
  add(
    'many.zip',
    '60,000 names',
    makeZip(60_000, (i) => `folder/${i}.txt`),
  )
  add(
    'extra.zip',
    'large extra fields',
    makeZip(3_000, (i) => `${i}`, 60_000),
  )
  add(
    'same.zip',
    'the same name',
    makeZip(60_000, () => 'a/b/c'),
  )
  add(
    'not.zip',
    'many marks of the end of a directory',
    Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.from('PK\x05\x06'.repeat(100 * KIB))]),
  )
  add(
    'plain.tar.gz',
    'deflate that does not end',
    Buffer.concat([gzipSync(zeros), deflateSync(zeros)]),
  )
  return files
}

/** A tar of one file of zeros, packed in pieces. */
function gzipOfZeros(mib: number): Buffer {
  const member = gzipSync(Buffer.alloc(16 * 1024 * KIB))
  const first = gzipSync(tarHeader('zeros', mib * 1024 * KIB))
  return Buffer.concat([first, ...Array.from({ length: Math.ceil(mib / 16) }, () => member)])
}
