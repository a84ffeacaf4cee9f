/**
 * Reads a Windows program: architecture, version resource, and where appended data begins. Source: PE Format,
 * sections 3 to 6, and VS_VERSIONINFO (learn.microsoft.com/windows/win32/debug/pe-format, …/menurc/vs-versioninfo). Pure; reads
 * only what it needs through `read`, and trusts no length.
 */

/** Bytes at a position; fewer at the end of the file. */
export type Read = (position: number, length: number) => Promise<Uint8Array>

export type ProgramFacts = {
  /** COFF machine word, e.g. 0x8664. */
  machine: number
  /** Position of the PE header. */
  peAt: number
  sections: Section[]
  /** The data directories. An `at` is an address in memory, except that of the signature. */
  directories: { at: number; bytes: number }[]
  /** Where the last section ends; installers append their data there. */
  overlayAt: number
  /** Minimum size of the file: Windows does not load a program whose sections or signature lie beyond its end. */
  endAt: number
  /** `2.5.0.0` from the fixed part, which Windows itself compares. */
  fileVersion: string | null
  productVersion: string | null
  /** ProductName, CompanyName and so on; in the language that the program names first, others fill in what it lacks. */
  strings: Record<string, string>
}

const HEADER_BYTES = 4096
const SECTION_LIMIT = 96
const ENTRY_LIMIT = 512
const VERSION_LIMIT_BYTES = 128 * 1024
const DEPTH_LIMIT = 4
const STRING_LIMIT = 64
const TABLE_LIMIT = 16
const DIRECTORY_LIMIT = 16
const RESOURCE_DIRECTORY = 2
/** Its address is a file offset. */
const SIGNATURE_DIRECTORY = 4
const RT_VERSION = 16
const FIXED_SIGNATURE = 0xfeef04bd
const SUBDIRECTORY = 0x80000000

export type Section = {
  name: string
  virtualAt: number
  virtualBytes: number
  at: number
  bytes: number
}

const view = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** Where an address in memory is in the file; null: nowhere. */
export function fileOffset(sections: readonly Section[], virtual: number): number | null {
  for (const section of sections) {
    const offset = virtual - section.virtualAt
    if (offset >= 0 && offset < section.bytes) return section.at + offset
  }
  return null
}

/** The entries of one resource directory: id (null for names) and offset. */
async function directory(read: Read, at: number): Promise<{ id: number | null; to: number }[]> {
  const head = await read(at, 16)
  if (head.length < 16) return []
  const count = view(head).getUint16(12, true) + view(head).getUint16(14, true)
  const bytes = await read(at + 16, Math.min(count, ENTRY_LIMIT) * 8)
  const found = []
  for (let i = 0; i + 8 <= bytes.length; i += 8) {
    const id = view(bytes).getUint32(i, true)
    found.push({
      id: id & SUBDIRECTORY ? null : id,
      to: view(bytes).getUint32(i + 4, true) >>> 0,
    })
  }
  return found
}

/** The bytes of the first version resource, or null. */
async function versionResource(
  read: Read,
  sections: readonly Section[],
  rootVirtual: number,
): Promise<Uint8Array | null> {
  const root = fileOffset(sections, rootVirtual)
  if (root === null) return null
  let entry = (await directory(read, root)).find(({ id }) => id === RT_VERSION)
  for (let depth = 0; entry && (entry.to & SUBDIRECTORY) !== 0; depth++) {
    if (depth === DEPTH_LIMIT) return null
    entry = (await directory(read, root + (entry.to & 0x7fffffff)))[0]
  }
  if (!entry) return null
  const data = await read(root + entry.to, 8)
  if (data.length < 8) return null
  const at = fileOffset(sections, view(data).getUint32(0, true))
  const bytes = view(data).getUint32(4, true)
  return at === null || bytes > VERSION_LIMIT_BYTES ? null : read(at, bytes)
}

const aligned = (offset: number): number => (offset + 3) & ~3

type Node = { key: string; valueAt: number; valueLength: number; isText: boolean; end: number }

/** One block of the version resource: its key, its value, and where it ends. */
function readNode(bytes: Uint8Array, at: number, limit: number): Node | null {
  if (at + 6 > limit) return null
  const length = view(bytes).getUint16(at, true)
  const end = at + length
  if (length < 6 || end > limit) return null
  let key = ''
  let offset = at + 6
  for (; offset + 2 <= end; offset += 2) {
    const unit = view(bytes).getUint16(offset, true)
    if (unit === 0) break
    key += String.fromCharCode(unit)
  }
  return {
    key,
    valueAt: aligned(offset + 2),
    valueLength: view(bytes).getUint16(at + 2, true),
    isText: view(bytes).getUint16(at + 4, true) === 1,
    end,
  }
}

function* children(bytes: Uint8Array, from: number, end: number): Generator<Node> {
  for (let at = aligned(from); at < end;) {
    const node = readNode(bytes, at, end)
    if (!node) return
    yield node
    at = aligned(node.end)
  }
}

function textAt(bytes: Uint8Array, at: number, units: number, end: number): string {
  let text = ''
  for (let i = 0; i < units && at + 2 <= end; i++, at += 2) {
    const unit = view(bytes).getUint16(at, true)
    if (unit === 0) break
    text += String.fromCharCode(unit)
  }
  return text
}

const dotted = (high: number, low: number): string =>
  [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].join('.')

/** The tables of strings, the best first: the language of the first translation, English, neutral, the others. */
function stringTables(bytes: Uint8Array, root: Node): Node[] {
  const tables: Node[] = []
  const wanted: string[] = []
  for (const part of children(bytes, root.valueAt + root.valueLength, root.end)) {
    if (part.key === 'StringFileInfo')
      tables.push(...[...children(bytes, part.valueAt, part.end)].slice(0, TABLE_LIMIT))
    if (part.key !== 'VarFileInfo') continue
    const [translation] = children(bytes, part.valueAt, part.end)
    if (translation?.key !== 'Translation' || translation.valueAt + 4 > translation.end) continue
    const word = (at: number): string =>
      view(bytes)
        .getUint16(translation.valueAt + at, true)
        .toString(16)
        .padStart(4, '0')
    wanted.push(word(0) + word(2))
  }
  const rank = ({ key }: Node): number => {
    const index = [...wanted, '0409', '0000'].findIndex((name) =>
      key.toLowerCase().startsWith(name),
    )
    return index < 0 ? Infinity : index
  }
  return tables
    .map((table) => ({ table, at: rank(table) }))
    .sort((a, b) => (a.at === b.at ? 0 : a.at - b.at))
    .map(({ table }) => table)
}

function parseVersion(
  bytes: Uint8Array,
): Pick<ProgramFacts, 'fileVersion' | 'productVersion' | 'strings'> {
  const none = { fileVersion: null, productVersion: null, strings: {} }
  const root = readNode(bytes, 0, bytes.length)
  if (root?.key !== 'VS_VERSION_INFO') return none
  const strings: Record<string, string> = {}
  for (const table of stringTables(bytes, root))
    for (const entry of children(bytes, table.valueAt, table.end)) {
      if (Object.keys(strings).length === STRING_LIMIT) break
      const text = textAt(bytes, entry.valueAt, entry.valueLength, entry.end)
      if (text !== '') strings[entry.key] ??= text
    }
  const fixed = root.valueAt
  const hasFixed =
    root.valueLength >= 24 &&
    fixed + 24 <= bytes.length &&
    view(bytes).getUint32(fixed, true) === FIXED_SIGNATURE
  if (!hasFixed) return { ...none, strings }
  const word = (index: number): number => view(bytes).getUint32(fixed + 4 * index, true)
  return {
    fileVersion: dotted(word(2), word(3)),
    productVersion: dotted(word(4), word(5)),
    strings,
  }
}

const PAGE_BYTES = 4096
/** If a section is larger in the file than in memory, Windows reads only the pages that it needs. */
function sectionEnd({ at, bytes, virtualBytes }: Section): number {
  if (at === 0 || bytes === 0) return 0
  const pages = Math.ceil(virtualBytes / PAGE_BYTES) * PAGE_BYTES
  return at + (virtualBytes === 0 ? bytes : Math.min(bytes, pages))
}

/** @returns null if it is not a Windows program (PE) */
export async function readProgram(read: Read): Promise<ProgramFacts | null> {
  const head = await read(0, HEADER_BYTES)
  if (head.length < 64 || latin1(head.subarray(0, 2)) !== 'MZ') return null
  const peAt = view(head).getUint32(60, true)
  const header = await read(peAt, HEADER_BYTES)
  if (header.length < 24 || latin1(header.subarray(0, 4)) !== 'PE\0\0') return null
  const coff = view(header)
  const sectionCount = Math.min(coff.getUint16(6, true), SECTION_LIMIT)
  const optionalBytes = coff.getUint16(20, true)
  const directoriesAt =
    header.length < 26 ? Infinity : 24 + (coff.getUint16(24, true) === 0x20b ? 112 : 96)
  const directories: ProgramFacts['directories'] = []
  const directoriesEnd = Math.min(24 + optionalBytes, header.length)
  const directoryCount =
    directoriesAt <= directoriesEnd ? coff.getUint32(directoriesAt - 4, true) : 0
  for (let i = 0; i < Math.min(directoryCount, DIRECTORY_LIMIT); i++) {
    const at = directoriesAt + 8 * i
    if (at + 8 > directoriesEnd) break
    directories.push({ at: coff.getUint32(at, true), bytes: coff.getUint32(at + 4, true) })
  }
  const signature = directories[SIGNATURE_DIRECTORY]
  const signatureEnd = signature ? signature.at + signature.bytes : 0
  const sections: Section[] = []
  for (let i = 0, at = 24 + optionalBytes; i < sectionCount; i++, at += 40) {
    if (at + 40 > header.length) break
    sections.push({
      name: latin1(header.subarray(at, at + 8)).split('\0', 1)[0]!,
      virtualBytes: coff.getUint32(at + 8, true),
      virtualAt: coff.getUint32(at + 12, true),
      bytes: coff.getUint32(at + 16, true),
      at: coff.getUint32(at + 20, true),
    })
  }
  const resources = directories[RESOURCE_DIRECTORY]
  const resource = resources ? await versionResource(read, sections, resources.at) : null
  return {
    machine: coff.getUint16(4, true),
    peAt,
    sections,
    directories,
    overlayAt: Math.max(0, ...sections.map((section) => section.at + section.bytes)),
    endAt: Math.max(signatureEnd, ...sections.map(sectionEnd)),
    ...(resource
      ? parseVersion(resource)
      : { fileVersion: null, productVersion: null, strings: {} }),
  }
}
