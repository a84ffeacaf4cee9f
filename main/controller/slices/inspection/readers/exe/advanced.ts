/** Advanced Installer: a footer at the end names the files appended to the program, among them a Windows Installer package. */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { cutOff, unreadable } from '../../facts.ts'
import { partOf } from '../part.ts'
import { RT_RCDATA, type Program } from './program.ts'
import { isAdvancedStub } from './stub.ts'
import { packageIn, wrappedPackage } from './wrapped-msi.ts'

const ADVANCED_ARGS = '/exenoui /quiet /norestart'
const JPACKAGE_ARGS = '/qn /norestart'
const FOOTER_BYTES = 74
const FOOTER_SEARCH_BYTES = 16 * 1024
const MAGIC = 'ADVINSTSFX'
const ENTRY_BYTES = 24
const FILE_LIMIT = 1_000
/** In each footer, at this place. */
const FOOTER_MARK = 100
const FOOTER_MARK_AT = 12
const PACKAGE = 1
/** A package whose first bytes are inverted. */
const INVERTED_PACKAGE = '2f30ee1f5e4ee51e'
/** The first bytes are stored inverted. */
const INVERTED = 2
const INVERTED_BYTES = 0x200

function packagePlace(
  program: Program,
  footer: Buffer,
): { at: number; sizeBytes: number; isInverted: boolean } | null {
  const { window } = program
  const count = Math.min(footer.readUInt32LE(8), FILE_LIMIT)
  let at = footer.readUInt32LE(20)
  for (let i = 0; i < count; i++) {
    const entry = window.read(at, ENTRY_BYTES)
    if (entry.length < ENTRY_BYTES) return null
    const [a, b, flag, sizeBytes, from, units] = [0, 4, 8, 12, 16, 20].map((offset) =>
      entry.readUInt32LE(offset),
    ) as [number, number, number, number, number, number]
    if (a === PACKAGE && b === 0) return { at: from, sizeBytes, isInverted: flag === INVERTED }
    at += ENTRY_BYTES + 2 * Math.min(units, 1_000)
  }
  return null
}

/** The footer, if there is one. @throws AppError E_PACKAGE_UNREADABLE when bytes before it are missing, or were added */
function footerIn({ window, overlay }: Program): Buffer | null {
  const end = overlay.at + overlay.sizeBytes
  const from = Math.max(overlay.at, end - FOOTER_SEARCH_BYTES)
  const tail = window.read(from, end - from)
  const magicAt = tail.lastIndexOf(MAGIC, undefined, 'latin1')
  const footerAt = magicAt + MAGIC.length - FOOTER_BYTES
  if (magicAt < 0 || footerAt < 0) return null
  const footer = tail.subarray(footerAt, footerAt + FOOTER_BYTES)
  // A text that happens to be there is no footer.
  if (footer.readUInt32LE(0) !== 0 || footer.readUInt32LE(FOOTER_MARK_AT) !== FOOTER_MARK)
    return null
  const at = from + footerAt
  const wanted = footer.readUInt32LE(4)
  if (wanted !== at)
    throw unreadable(
      `it is damaged: the data of this Advanced Installer package should end at byte ${wanted}, and end at ${at}`,
    )
  return footer
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off or damaged */
export function readAdvanced(program: Program): InstallerKnowledge | null {
  const { window, overlay } = program
  const end = overlay.at + overlay.sizeBytes
  const footer = footerIn(program)
  if (!footer) {
    const head = window.read(overlay.at, Math.min(overlay.sizeBytes, INVERTED_PACKAGE.length / 2))
    if (isAdvancedStub(program) || head.toString('hex') === INVERTED_PACKAGE)
      throw unreadable('it is cut off: the end of this Advanced Installer package is missing')
    return null
  }
  const place = packagePlace(program, footer)
  if (place !== null && place.at + place.sizeBytes > end)
    throw cutOff('this Advanced Installer package', place.at + place.sizeBytes, end)
  if (place === null) return wrappedPackage('advanced', ADVANCED_ARGS, null)
  const head = place.isInverted
    ? window.read(place.at, Math.min(INVERTED_BYTES, place.sizeBytes))
    : Buffer.alloc(0)
  const inner = packageIn(partOf(window, place, head.map((byte) => byte ^ 0xff) as Buffer))
  return wrappedPackage('advanced', ADVANCED_ARGS, inner)
}

/** Java's jpackage: a program with a whole Windows Installer package as its resource. */
export function readJpackage(program: Program): InstallerKnowledge | null {
  const place = program.resource(RT_RCDATA, 'MSI')
  return place
    ? wrappedPackage('jpackage', JPACKAGE_ARGS, packageIn(partOf(program.window, place)))
    : null
}
