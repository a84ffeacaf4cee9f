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
export function packName(name: string): string {
  let packed = '\u4840'
  for (let i = 0; i < name.length; i += 2) {
    const [a, b] = [ALPHABET.indexOf(name[i]!), name[i + 1] ? ALPHABET.indexOf(name[i + 1]!) : -1]
    packed += String.fromCharCode(b < 0 ? 0x4800 + a : 0x3800 + a + (b << 6))
  }
  return packed
}

export const MSI_CLASS = '84100c0000000000c000000000000046'
export const MSP_CLASS = '86100c0000000000c000000000000046'

type Stream = { name: string; bytes: Buffer }

/** A compound file with all streams in whole sectors (the cutoff for small ones is 0), and at most one storage in its root. */
export function makeCompound(
  streams: Stream[],
  classId = MSI_CLASS,
  storage: { name: string; streams: Stream[] } | null = null,
): Buffer {
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
  const inner = storage?.streams ?? []
  const wanted = [...streams, ...inner].reduce(
    (sum, { bytes }) => sum + Math.ceil(bytes.length / SECTOR) + 1,
    16,
  )
  const tableSectors = Math.max(4, Math.ceil(wanted / 120))
  add(Buffer.alloc(tableSectors * SECTOR))
  for (let i = 0; i < tableSectors; i++) fat[i] = FAT_SECTOR
  const entry = (
    name: string,
    kind: number,
    [first, size]: readonly [number, number],
    { next = FREE, child = FREE }: { next?: number; child?: number },
  ): Buffer => {
    const bytes = Buffer.alloc(128)
    bytes.write(name, 'utf16le')
    bytes.writeUInt16LE(2 * name.length + 2, 64)
    bytes[66] = kind
    bytes.writeUInt32LE(FREE, 68)
    bytes.writeUInt32LE(next, 72)
    bytes.writeUInt32LE(child, 76)
    if (kind === 5) bytes.write(classId, 80, 'hex')
    bytes.writeUInt32LE(first, 116)
    bytes.writeUInt32LE(size, 120)
    return bytes
  }
  const siblings = (list: Stream[], from: number, behind = FREE): Buffer[] =>
    list.map(({ name, bytes }, i) => {
      const next = i + 1 < list.length ? from + i + 1 : behind
      return entry(name, 2, [add(bytes), bytes.length], { next })
    })
  const storageAt = streams.length + 1
  const firstChild = streams.length > 0 ? 1 : FREE
  const entries = [
    entry('Root Entry', 5, [END_OF_CHAIN, 0], { child: firstChild }),
    ...siblings(streams, 1, storage ? storageAt : FREE),
    ...(storage ? [entry(storage.name, 1, [0, 0], { child: storageAt + 1 })] : []),
    ...siblings(inner, storageAt + 1),
  ]
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

/** A summary of these texts and numbers, by property. */
function makeSummary(values: [property: number, value: string | number][]): Buffer {
  const entries = values.map(([property, value]) => {
    const text = Buffer.from(`${value}\0`)
    const bytes = Buffer.alloc(8 + (typeof value === 'string' ? text.length : 0))
    bytes.writeUInt32LE(typeof value === 'string' ? 30 : 3, 0)
    if (typeof value === 'string') {
      bytes.writeUInt32LE(text.length, 4)
      text.copy(bytes, 8)
    } else bytes.writeInt32LE(value, 4)
    return { property, bytes: pad(bytes) }
  })
  const head = Buffer.alloc(48)
  head.writeUInt16LE(0xfffe, 0)
  head.writeUInt32LE(1, 24)
  head.writeUInt32LE(48, 44)
  const places = Buffer.alloc(8 + 8 * entries.length)
  places.writeUInt32LE(entries.length, 4)
  let at = places.length
  for (const [i, { property, bytes }] of entries.entries()) {
    places.writeUInt32LE(property, 8 + 8 * i)
    places.writeUInt32LE(at, 12 + 8 * i)
    at += bytes.length
  }
  return Buffer.concat([head, places, ...entries.map(({ bytes }) => bytes)])
}

export type MsiTable = {
  name: string
  /** `s`: text, `i`: number. */
  columns: Record<string, 's' | 'i'>
  rows: (string | number)[][]
}

type MsiOptions = {
  properties: Record<string, string>
  template: string
  /** Of the summary; 2: packed, 8: needs no elevated rights. */
  wordCount?: number
  /** References of three bytes. */
  wide?: boolean
  /** Number of additional rows, each with the name and value of the first property. */
  repeatedRows?: number
  tables?: MsiTable[]
  classId?: string
  comments?: string
  /** Further properties of the summary. */
  summary?: [property: number, value: string | number][]
  /** Further streams. */
  streams?: Stream[]
  /** In its root, such as an embedded transform. */
  storage?: { name: string; streams: Stream[] }
}

/** A .msi with the table Property and any others; its text is in code page 1252. */
export const makeMsiBytes = (options: MsiOptions): Buffer =>
  makeCompound(msiStreams(options), options.classId, options.storage)

export function msiStreams(options: Omit<MsiOptions, 'classId' | 'storage'>): Stream[] {
  const width = options.wide ? 3 : 2
  const texts: string[] = []
  const indexes = new Map<string, number>()
  const indexOf = (text: string): number => {
    if (text === '') return 0
    if (!indexes.has(text)) indexes.set(text, texts.push(text))
    return indexes.get(text)!
  }
  const tableBytes = ({ columns, rows }: Omit<MsiTable, 'name'>): Buffer =>
    Buffer.concat(
      Object.values(columns).map((type, column) => {
        const cell = type === 's' ? width : 2
        const bytes = Buffer.alloc(cell * rows.length)
        for (const [row, values] of rows.entries()) {
          const value = values[column]!
          const number = typeof value === 'string' ? indexOf(value) : value + 0x8000
          bytes.writeUIntLE(number, row * cell, cell)
        }
        return bytes
      }),
    )
  const tables = options.tables ?? []
  const [firstRow = []] = Object.entries(options.properties)
  const property = {
    columns: { Property: 's', Value: 's' } as const,
    rows: [
      ...Array.from({ length: options.repeatedRows ?? 0 }, () => [...firstRow]),
      ...Object.entries(options.properties),
    ],
  }
  const columns: MsiTable = {
    name: '_Columns',
    columns: { Table: 's', Number: 'i', Name: 's', Type: 'i' },
    rows: tables.flatMap(({ name, columns: of }) =>
      Object.entries(of).map(([column, type], i) => [
        name,
        i + 1,
        column,
        type === 's' ? 0xd00 : 0x502,
      ]),
    ),
  }
  const stored = [{ name: 'Property', ...property }, ...tables, columns].map((table) => ({
    name: packName(table.name),
    bytes: tableBytes(table),
  }))
  const head = Buffer.alloc(4)
  head.writeUInt32LE((1252 | (options.wide ? 0x80000000 : 0)) >>> 0)
  const pool = [head]
  for (const text of texts) {
    const long = text.length > 0xffff
    const place = Buffer.alloc(long ? 8 : 4)
    place.writeUInt16LE(long ? 0 : text.length, 0)
    place.writeUInt16LE(1, 2)
    if (long) {
      place.writeUInt16LE(text.length & 0xffff, 4)
      place.writeUInt16LE(text.length >>> 16, 6)
    }
    pool.push(place)
  }
  return [
    { name: packName('_StringPool'), bytes: Buffer.concat(pool) },
    { name: packName('_StringData'), bytes: Buffer.from(texts.join(''), 'latin1') },
    ...stored,
    {
      name: '\u0005SummaryInformation',
      bytes: makeSummary([
        [6, options.comments ?? ''],
        [15, options.wordCount ?? 2],
        [7, options.template],
        ...(options.summary ?? []),
      ]),
    },
    ...(options.streams ?? []),
  ]
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

export type TestResource = { type: number | string; name: number | string; bytes: Buffer }

/** The resource section: types, in them names, in each one language. */
function makeResources(resources: readonly TestResource[], virtual: number): Buffer {
  const pieces: Buffer[] = []
  let end = 0
  const add = (bytes: Buffer): number => {
    const at = end
    pieces.push(pad(bytes))
    end += pieces.at(-1)!.length
    return at
  }
  const folder = (entries: readonly { key: number | string; to: number }[]): Buffer => {
    const bytes = Buffer.alloc(16 + 8 * entries.length)
    bytes.writeUInt16LE(entries.length, 14)
    for (const [i, { key, to }] of entries.entries()) {
      const text = typeof key === 'string' ? Buffer.from(`\0${key}`, 'utf16le') : null
      text?.writeUInt16LE((key as string).length)
      bytes.writeUInt32LE(text ? 0x80000000 + add(text) : (key as number), 16 + 8 * i)
      bytes.writeUInt32LE(to >>> 0, 20 + 8 * i)
    }
    return bytes
  }
  const types = [...new Set(resources.map(({ type }) => type))]
  // The root comes first, so its place is kept free.
  add(Buffer.alloc(16 + 8 * types.length))
  const names = (type: number | string) =>
    resources
      .filter((one) => one.type === type)
      .map(({ name, bytes }) => {
        const data = Buffer.alloc(16)
        data.writeUInt32LE(virtual + add(bytes), 0)
        data.writeUInt32LE(bytes.length, 4)
        return { key: name, to: 0x80000000 + add(folder([{ key: 1033, to: add(data) }])) }
      })
  const root = folder(types.map((key) => ({ key, to: 0x80000000 + add(folder(names(key))) })))
  const whole = Buffer.concat(pieces)
  root.copy(whole)
  return pad(whole)
}

const makeAssembly = (name: string): Buffer =>
  Buffer.from(`<assembly><assemblyIdentity name="${name}"/></assembly>`)

/** An entry of the debug directory without its place, and its CodeView record. */
function makeDebugRecord(file: string): Buffer {
  const record = Buffer.concat([Buffer.from('RSDS'), Buffer.alloc(20), Buffer.from(`${file}\0`)])
  const entry = Buffer.alloc(28)
  entry.writeUInt32LE(2, 12)
  entry.writeUInt32LE(record.length, 16)
  return Buffer.concat([entry, record])
}

/** A Windows program with one section, its resources; it does not run. */
export function makeProgram(options: {
  strings: Record<string, string>
  machine?: number
  sectionName?: string
  overlay?: Buffer
  resources?: TestResource[]
  /** The name of the assembly in its manifest. */
  manifest?: string
  /** The linker's file with debugging data. */
  debugFile?: string
}): Buffer {
  const virtual = 0x1000
  const { manifest, debugFile } = options
  const resources = makeResources(
    [
      { type: 16, name: 1, bytes: makeVersion(options.strings) },
      ...(manifest === undefined ? [] : [{ type: 24, name: 1, bytes: makeAssembly(manifest) }]),
      ...(debugFile === undefined
        ? []
        : [{ type: 10, name: 'DEBUG', bytes: makeDebugRecord(debugFile) }]),
      ...(options.resources ?? []),
    ],
    virtual,
  )
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
  const debugAt = debugFile === undefined ? -1 : resources.indexOf('RSDS') - 28
  if (debugAt >= 0) {
    header.writeUInt32LE(virtual + debugAt, 0x80 + 24 + 112 + 8 * 6)
    header.writeUInt32LE(28, 0x80 + 24 + 112 + 8 * 6 + 4)
    resources.writeUInt32LE(header.length + debugAt + 28, debugAt + 24)
  }
  const section = 0x80 + 24 + 240
  header.write(options.sectionName ?? '.rsrc', section, 'latin1')
  header.writeUInt32LE(resources.length, section + 8)
  header.writeUInt32LE(virtual, section + 12)
  header.writeUInt32LE(resources.length, section + 16)
  header.writeUInt32LE(header.length, section + 20)
  return Buffer.concat([header, resources, options.overlay ?? Buffer.alloc(0)])
}
