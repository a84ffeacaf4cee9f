/** Velopack: the program's archive, with a NuGet description (.nuspec), is appended to its setup program. */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { cutOff, unreadable } from '../../facts.ts'
import { knowledgeOf, warning } from '../../knowledge.ts'
import { partOf } from '../part.ts'
import type { Window } from '../window.ts'
import { listZip } from '../zip.ts'
import type { FileRange, Program } from './program.ts'
import { isZip, knowledgeFrom, NUSPEC, packedProgram } from './squirrel.ts'

/** In its data, a setup program of Velopack has the place and the length of its package, and these bytes (velopack, src/bins). */
const BUNDLE_MARK = Buffer.from(
  '94f0b17b6893e02937eb34ef53aae7d42b54f5707ef5d6f57854983e5e94ed7d',
  'hex',
)
const MARK_SECTIONS = ['.data', '.rdata']
const MARK_SEARCH_BYTES = 4 * 1024 * 1024
const CUT_ARCHIVE =
  'The archive appended to this program has no list of files, so the download may have been cut off. Download it again.'
const LOCAL_BYTES = 30
const LOCAL_LIMIT = 20
const LOCAL_MAGIC = 0x04034b50
/** The lengths follow the file's data instead of preceding it. */
const HAS_DESCRIPTOR = 8

/** Null: it is no setup program of Velopack, or one without a package. */
function bundleOf({ window, facts }: Program): FileRange | null {
  for (const { at, bytes } of facts.sections.filter(({ name }) => MARK_SECTIONS.includes(name))) {
    if (bytes > MARK_SEARCH_BYTES) continue
    const data = window.read(at, bytes)
    const found = data.indexOf(BUNDLE_MARK)
    if (found < 16) continue
    const place = {
      at: Number(data.readBigInt64LE(found - 16)),
      sizeBytes: Number(data.readBigInt64LE(found - 8)),
    }
    return place.at > 0 && place.sizeBytes > 0 ? place : null
  }
  return null
}

/** Whether one of the first files of an archive without a directory describes a package. */
function hasDescription(archive: Window): boolean {
  for (let i = 0, at = 0; i < LOCAL_LIMIT; i++) {
    const head = archive.read(at, LOCAL_BYTES)
    if (head.length < LOCAL_BYTES || head.readUInt32LE(0) !== LOCAL_MAGIC) return false
    const nameBytes = head.readUInt16LE(26)
    if (NUSPEC.test(archive.read(at + LOCAL_BYTES, nameBytes).toString('utf8'))) return true
    if ((head.readUInt16LE(6) & HAS_DESCRIPTOR) !== 0) return false
    at += LOCAL_BYTES + nameBytes + head.readUInt16LE(28) + head.readUInt32LE(18)
  }
  return false
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export async function readVelopack(program: Program): Promise<InstallerKnowledge | null> {
  const { window, overlay } = program
  const end = overlay.at + overlay.sizeBytes
  const outer = partOf(window, overlay)
  const hasZip = isZip(outer)
  if (!hasZip && overlay.sizeBytes > 3) return null
  const bundle = bundleOf(program)
  if (bundle && bundle.at + bundle.sizeBytes > end)
    throw cutOff('this Velopack installer', bundle.at + bundle.sizeBytes, end)
  const outerEntries = hasZip ? await listZip(outer) : []
  if (outerEntries === null && (bundle || hasDescription(outer)))
    throw unreadable(
      'it is damaged or cut off: the package appended to its program has no list of files',
    )
  if (outerEntries === null)
    return knowledgeOf(null, {
      is_installer: null,
      complete: false,
      warnings: [warning('truncated', CUT_ARCHIVE)],
    })
  const entries = await packedProgram(outer, outerEntries)
  const isVelopack = bundle !== null || entries?.some(({ name }) => NUSPEC.test(name))
  if (!isVelopack) return null
  const knowledge = knowledgeFrom('velopack', entries, {})
  return bundle && entries ? { ...knowledge, complete: true } : knowledge
}
