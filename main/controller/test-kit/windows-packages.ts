/**
 * Windows installers generated for tests: as small as possible, so that they can be broken on
 * purpose.
 */

const SECTOR = 512
const END_OF_CHAIN = 0xfffffffe
const FAT_SECTOR = 0xfffffffd
const FREE = 0xffffffff
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._'

/** As Windows Installer packs the names of its tables. */
function packName(name: string): string {
  let packed = '\u4840'
  for (let i = 0; i < name.length; i += 2) {
    const [a, b] = [ALPHABET.indexOf(name[i]!), name[i + 1] ? ALPHABET.indexOf(name[i + 1]!) : -1]
    packed += String.fromCharCode(b < 0 ? 0x4800 + a : 0x3800 + a + (b << 6))
  }
  return packed
}

/** A compound file with all streams in whole sectors (the cutoff for small ones is 0). */
function makeCompound(streams: { name: string; bytes: Buffer }[]): Buffer {
  const sectors: Buffer[] = []
  const fat: number[] = []
  const add = (bytes: Buffer): number => {
    const first = sectors.length
    for (let at = 0; at < Math.max(bytes.length, 1); at += SECTOR) {
      const sector = Buffer.alloc(SECTOR)
      bytes.copy(sector, 0, at, at + SECTOR)
      sectors.push(sector)
      fat.push(at + SECTOR < bytes.length ? sectors.length : END_OF_CHAIN)
    }
    return first
  }
  // The sector table comes first; the header lists all of its parts.
  const wanted = streams.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / SECTOR) + 1, 16)
  const tableSectors = Math.max(4, Math.ceil(wanted / 120))
  add(Buffer.alloc(tableSectors * SECTOR))
  for (let i = 0; i < tableSectors; i++) fat[i] = FAT_SECTOR
  const entry = (name: string, kind: number, first: number, size: number): Buffer => {
    const bytes = Buffer.alloc(128)
    bytes.write(name, 'utf16le')
    bytes.writeUInt16LE(2 * name.length + 2, 64)
    bytes[66] = kind
    bytes.writeUInt32LE(first, 116)
    bytes.writeUInt32LE(size, 120)
    return bytes
  }
  const entries = [entry('Root Entry', 5, END_OF_CHAIN, 0)]
  for (const { name, bytes } of streams) entries.push(entry(name, 2, add(bytes), bytes.length))
  const directory = add(Buffer.concat(entries))
  if (tableSectors > 109 || fat.length > (tableSectors * SECTOR) / 4)
    throw new Error('too large for this generator')
  for (let i = 0; i < (tableSectors * SECTOR) / 4; i++)
    sectors[Math.floor(i / 128)]!.writeUInt32LE(fat[i] ?? FREE, (i % 128) * 4)
  const header = Buffer.alloc(SECTOR)
  header.write('d0cf11e0a1b11ae1', 'hex')
  header.writeUInt16LE(9, 30)
  header.writeUInt16LE(6, 32)
  header.writeUInt32LE(tableSectors, 44)
  header.writeUInt32LE(directory, 48)
  header.writeUInt32LE(0, 56)
  header.writeUInt32LE(END_OF_CHAIN, 60)
  header.writeUInt32LE(END_OF_CHAIN, 68)
  for (let i = 0; i < 109; i++) header.writeUInt32LE(i < tableSectors ? i : FREE, 76 + 4 * i)
  return Buffer.concat([header, ...sectors])
}

/** The summary with its two relevant properties. */
function makeSummary(template: string, wordCount: number): Buffer {
  const text = Buffer.from(`${template}\0`)
  const bytes = Buffer.alloc(48 + 8 + 16 + 8 + 8 + text.length)
  bytes.writeUInt16LE(0xfffe, 0)
  bytes.writeUInt32LE(1, 24)
  bytes.writeUInt32LE(48, 44)
  bytes.writeUInt32LE(2, 52)
  for (const [i, [property, at]] of [
    [15, 24],
    [7, 32],
  ].entries()) {
    bytes.writeUInt32LE(property!, 56 + 8 * i)
    bytes.writeUInt32LE(at!, 60 + 8 * i)
  }
  bytes.writeUInt32LE(3, 72)
  bytes.writeInt32LE(wordCount, 76)
  bytes.writeUInt32LE(30, 80)
  bytes.writeUInt32LE(text.length, 84)
  text.copy(bytes, 88)
  return bytes
}

/** A .msi with only the table Property; its text is in code page 1252. */
export function makeMsiBytes(options: {
  properties: Record<string, string>
  template: string
  /** Of the summary; 8: needs no elevated rights. */
  wordCount?: number
  /** References of three bytes. */
  wide?: boolean
  /** Number of additional rows, each with the name and value of the first property. */
  repeatedRows?: number
}): Buffer {
  const width = options.wide ? 3 : 2
  const texts = Object.entries(options.properties).flat()
  const head = Buffer.alloc(4)
  head.writeUInt32LE((1252 | (options.wide ? 0x80000000 : 0)) >>> 0)
  const pool = [head]
  for (const text of texts) {
    const long = text.length > 0xffff
    const place = Buffer.alloc(long ? 8 : 4)
    place.writeUInt16LE(long ? 0 : text.length, 0)
    place.writeUInt16LE(text === '' ? 0 : 1, 2)
    if (long) {
      place.writeUInt16LE(text.length & 0xffff, 4)
      place.writeUInt16LE(text.length >>> 16, 6)
    }
    pool.push(place)
  }
  const repeated = options.repeatedRows ?? 0
  const rows = texts.length / 2 + repeated
  const table = Buffer.alloc(2 * rows * width)
  for (let row = 0; row < rows; row++)
    for (const column of [0, 1])
      table.writeUIntLE(
        2 * Math.max(0, row - repeated) + column + 1,
        (column * rows + row) * width,
        width,
      )
  return makeCompound([
    { name: packName('_StringPool'), bytes: Buffer.concat(pool) },
    { name: packName('_StringData'), bytes: Buffer.from(texts.join(''), 'latin1') },
    { name: packName('Property'), bytes: table },
    {
      name: '\u0005SummaryInformation',
      bytes: makeSummary(options.template, options.wordCount ?? 2),
    },
  ])
}

const pad = (bytes: Buffer): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])

/** A block of a version resource. */
function block(key: string, value: Buffer, valueLength: number, children: Buffer[] = []): Buffer {
  const head = Buffer.alloc(6)
  const named = pad(Buffer.concat([head, Buffer.from(`${key}\0`, 'utf16le')]))
  const whole = Buffer.concat([pad(Buffer.concat([named, value])), ...children.map(pad)])
  whole.writeUInt16LE(whole.length, 0)
  whole.writeUInt16LE(valueLength, 2)
  whole.writeUInt16LE(children.length > 0 ? 0 : 1, 4)
  return whole
}

function makeVersion(strings: Record<string, string>): Buffer {
  const fixed = Buffer.alloc(52)
  fixed.writeUInt32LE(0xfeef04bd, 0)
  for (const at of [8, 16]) {
    fixed.writeUInt32LE((1 << 16) | 2, at)
    fixed.writeUInt32LE((3 << 16) | 4, at + 4)
  }
  const none = Buffer.alloc(0)
  const entries = Object.entries(strings).map(([key, text]) =>
    block(key, Buffer.from(`${text}\0`, 'utf16le'), text.length + 1),
  )
  const table = block('040904b0', none, 0, entries)
  return block('VS_VERSION_INFO', fixed, 52, [block('StringFileInfo', none, 0, [table])])
}

/** A Windows program with one section, its resources; it does not run. */
export function makeProgram(options: {
  strings: Record<string, string>
  machine?: number
  sectionName?: string
  overlay?: Buffer
}): Buffer {
  const virtual = 0x1000
  const version = makeVersion(options.strings)
  const directory = (id: number, to: number): Buffer => {
    const bytes = Buffer.alloc(24)
    bytes.writeUInt16LE(1, 14)
    bytes.writeUInt32LE(id, 16)
    bytes.writeUInt32LE(to >>> 0, 20)
    return bytes
  }
  const data = Buffer.alloc(16)
  data.writeUInt32LE(virtual + 88, 0)
  data.writeUInt32LE(version.length, 4)
  const resources = Buffer.concat([
    directory(16, 0x80000000 + 24),
    directory(1, 0x80000000 + 48),
    directory(1033, 72),
    data,
    version,
  ])
  const header = Buffer.alloc(1024)
  header.write('MZ')
  header.writeUInt32LE(0x80, 60)
  header.write('PE\0\0', 0x80, 'latin1')
  header.writeUInt16LE(options.machine ?? 0x14c, 0x84)
  header.writeUInt16LE(1, 0x86)
  header.writeUInt16LE(240, 0x80 + 20)
  header.writeUInt16LE(0x20b, 0x80 + 24)
  header.writeUInt32LE(16, 0x80 + 24 + 108)
  header.writeUInt32LE(virtual, 0x80 + 24 + 112 + 16)
  header.writeUInt32LE(resources.length, 0x80 + 24 + 112 + 20)
  const section = 0x80 + 24 + 240
  header.write(options.sectionName ?? '.rsrc', section, 'latin1')
  header.writeUInt32LE(resources.length, section + 8)
  header.writeUInt32LE(virtual, section + 12)
  header.writeUInt32LE(resources.length, section + 16)
  header.writeUInt32LE(header.length, section + 20)
  return Buffer.concat([header, resources, options.overlay ?? Buffer.alloc(0)])
}
