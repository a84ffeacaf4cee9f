/** The parts of a Windows program that readers of installers use: resources, the name in the manifest, and the appended data. */
import { fileOffset, type ProgramFacts } from '#shared/domain/portable-executable.ts'
import { childOf, parseXml } from '../xml.ts'
import type { Window } from '../window.ts'

/** Indexes of the data directories. */
const RESOURCE_DIRECTORY = 2
const CERTIFICATE_DIRECTORY = 4
const DEBUG_DIRECTORY = 6
const RESOURCE_LIMIT = 2_000
const DIRECTORY_ENTRY_LIMIT = 1_000
/** Resource entries visited per program: in a damaged file, a thousand directories may share the same thousand entries. */
const VISITED_LIMIT = 4_000
const NAME_LIMIT_UNITS = 128
const MANIFEST_LIMIT_BYTES = 256 * 1024
const SUBDIRECTORY = 0x80000000
const DEBUG_ENTRY_BYTES = 28
const DEBUG_ENTRY_LIMIT = 16
const CODEVIEW = 2
const CODEVIEW_BYTES = 24 + 520

export const RT_RCDATA = 10
const RT_MANIFEST = 24

/** A range of the file; `at` is the offset of its first byte. */
export type FileRange = { at: number; sizeBytes: number }
export type Resource = FileRange & { type: number | string; name: number | string }

export type Program = {
  window: Window
  facts: ProgramFacts
  /** Of the version resource, such as ProductName. */
  strings: Readonly<Record<string, string | undefined>>
  resources: readonly Resource[]
  /** The name of the assembly in its manifest. Empty: not stated. */
  assemblyName: string
  /** The data after the last section and before the signature; `sizeBytes` is 0 if there is none. */
  overlay: FileRange
  /** The table with the Authenticode signature. */
  certificate: FileRange | null
  /** Path of the debugging data (.pdb) on the PC where the program was built. Empty: not stated. */
  debugFile: string
  /** Undefined: missing, or a part of it lies beyond the end of the file. */
  resource: (type: number | string, name: number | string) => Resource | undefined
}

/** `offset`: of a directory or of the data, from the start of the resources. */
type ResourceEntry = { key: number | string; isDirectory: boolean; offset: number }

function entriesOf(window: Window, root: number, offset: number, limit: number): ResourceEntry[] {
  const head = window.read(root + offset, 16)
  if (head.length < 16) return []
  const count = head.readUInt16LE(12) + head.readUInt16LE(14)
  const bytes = window.read(root + offset + 16, 8 * Math.min(count, limit))
  const found: ResourceEntry[] = []
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const id = bytes.readUInt32LE(at)
    const target = bytes.readUInt32LE(at + 4)
    const key = id >= SUBDIRECTORY ? nameAt(window, root + (id - SUBDIRECTORY)) : id
    found.push({ key, isDirectory: target >= SUBDIRECTORY, offset: target & 0x7fffffff })
  }
  return found
}

function nameAt(window: Window, at: number): string {
  const length = window.read(at, 2)
  if (length.length < 2) return ''
  return window
    .read(at + 2, 2 * Math.min(length.readUInt16LE(0), NAME_LIMIT_UNITS))
    .toString('utf16le')
}

/** All resources: type, name, and the first language of each. */
function resourcesOf(window: Window, facts: ProgramFacts): Resource[] {
  const directory = facts.directories[RESOURCE_DIRECTORY]
  const root = directory ? fileOffset(facts.sections, directory.at) : null
  const found: Resource[] = []
  if (root === null) return found
  let left = VISITED_LIMIT
  for (const type of entriesOf(window, root, 0, DIRECTORY_ENTRY_LIMIT)) {
    if (!type.isDirectory) continue
    const names = entriesOf(window, root, type.offset, Math.min(left, DIRECTORY_ENTRY_LIMIT))
    // An empty directory counts as one entry.
    left -= Math.max(1, names.length)
    for (const name of names) {
      if (found.length === RESOURCE_LIMIT) return found
      const leaf = name.isDirectory ? entriesOf(window, root, name.offset, 1)[0] : name
      if (!leaf || leaf.isDirectory) continue
      const data = window.read(root + leaf.offset, 8)
      const at = data.length < 8 ? null : fileOffset(facts.sections, data.readUInt32LE(0))
      if (at === null) continue
      const sizeBytes = data.readUInt32LE(4)
      if (at + sizeBytes > window.sizeBytes) continue
      found.push({ type: type.key, name: name.key, at, sizeBytes })
    }
    if (left <= 0) return found
  }
  return found
}

function assemblyNameOf(window: Window, resources: readonly Resource[]): string {
  const place = resources.find(({ type }) => type === RT_MANIFEST)
  if (!place || place.sizeBytes > MANIFEST_LIMIT_BYTES) return ''
  try {
    const text = window.read(place.at, place.sizeBytes).toString('utf8')
    const assembly = parseXml(text.replace(/^\ufeff/, '').split('\0', 1)[0]!).children[0]
    return childOf(assembly, 'assemblyIdentity')?.attributes.name ?? ''
  } catch {
    // A damaged manifest is treated as a missing one.
    return ''
  }
}

function certificateOf(window: Window, facts: ProgramFacts): FileRange | null {
  const entry = facts.directories[CERTIFICATE_DIRECTORY]
  if (!entry || entry.at === 0 || entry.bytes === 0) return null
  return {
    at: entry.at,
    sizeBytes: Math.min(entry.bytes, Math.max(0, window.sizeBytes - entry.at)),
  }
}

/** The CodeView record among the linker's debug records (PE Format, ".debug Section"). */
function debugFileOf(window: Window, facts: ProgramFacts): string {
  const directory = facts.directories[DEBUG_DIRECTORY]
  const at = directory && directory.at > 0 ? fileOffset(facts.sections, directory.at) : null
  if (!directory || at === null) return ''
  const count = Math.min(Math.floor(directory.bytes / DEBUG_ENTRY_BYTES), DEBUG_ENTRY_LIMIT)
  const entries = window.read(at, count * DEBUG_ENTRY_BYTES)
  for (let i = 0; i + DEBUG_ENTRY_BYTES <= entries.length; i += DEBUG_ENTRY_BYTES) {
    if (entries.readUInt32LE(i + 12) !== CODEVIEW) continue
    const size = Math.min(entries.readUInt32LE(i + 16), CODEVIEW_BYTES)
    const record = window.read(entries.readUInt32LE(i + 24), size)
    if (record.toString('latin1', 0, 4) !== 'RSDS') continue
    return record.toString('utf8', 24).split('\0', 1)[0]!
  }
  return ''
}

export function openProgram(window: Window, facts: ProgramFacts): Program {
  const resources = resourcesOf(window, facts)
  const certificate = certificateOf(window, facts)
  const overlayAt = Math.min(facts.overlayAt, window.sizeBytes)
  const overlayEnd = certificate && certificate.at >= overlayAt ? certificate.at : window.sizeBytes
  return {
    window,
    facts,
    strings: facts.strings,
    resources,
    assemblyName: assemblyNameOf(window, resources),
    overlay: { at: overlayAt, sizeBytes: Math.max(0, overlayEnd - overlayAt) },
    certificate,
    debugFile: debugFileOf(window, facts),
    resource: (type, name) => resources.find((one) => one.type === type && one.name === name),
  }
}
