/**
 * The readers of untrusted files, one per kind. A reader sees the file through a window, returns what the file says about
 * itself, and refuses a file that is not what its name says. It may take any time and fail in any way: its thread is
 * limited (see ../index.ts). What it knows about the installation goes into `knowledge` (../knowledge.ts); a reader that runs out
 * of `window.leftMs()` returns what it has. To add one: a file beside this one, and its row here.
 */
import { stemOf } from '#shared/domain/file-stem.ts'
import { INSTALLER_KINDS, type InstallerKind } from '#shared/domain/platforms.ts'
import { Detection } from '#shared/contract/detection.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { isLinuxProgram, readAppImage } from './appimage.ts'
import { readArchive } from './archive.ts'
import { containerOf } from './container.ts'
import { readDeb } from './deb.ts'
import { isDiskImage, readDmg } from './dmg/dmg.ts'
import { readExe } from './exe/index.ts'
import { readMakeself } from './makeself.ts'
import { readMsix } from './msix.ts'
import { withManifests, type ManifestFile } from './manifests/index.ts'
import { readMsp } from './msi/msp.ts'
import { readMsu } from './msu.ts'
import { readMsi } from './msi/msi.ts'
import { readPkg } from './pkg.ts'
import { readRpm } from './rpm.ts'
import type { Window } from './window.ts'
import { readWithin } from './within.ts'

const HEAD_BYTES = 4096

/** What a reader found; the file's name fills in what is missing. */
type Found = Partial<PackageFacts>
export type Reader = {
  /** The name of such a file in a message. */
  what: string
  /** Whether the first bytes match this kind of file. */
  begins: (head: Buffer, window: Window) => boolean
  /** @param asked for archives: files in it that the caller asks about */
  read: (window: Window, asked: readonly string[], fileName: string) => Found | Promise<Found>
}

const startsWith = (head: Buffer, hex: string): boolean =>
  head.subarray(0, hex.length / 2).toString('hex') === hex
const isProgram = (head: Buffer): boolean =>
  startsWith(head, '4d5a') || startsWith(head, '7f454c46')
/** Bell, backspace, tab, the ends of lines and pages, and escape also occur in text. */
const NO_TEXT = /[\0-\x06\x0e-\x1a\x1c-\x1f\x7f]/
/** Old editors end a batch file with it (Ctrl+Z). */
const END_OF_FILE = '\x1a'
/** UTF-16 starts with its byte-order mark; everything else is looked at byte by byte. */
function textOf(head: Buffer): string {
  const isLittle = startsWith(head, 'fffe')
  if (!isLittle && !startsWith(head, 'feff')) return head.toString('latin1')
  const even = Buffer.from(head.subarray(0, head.length & ~1))
  return (isLittle ? even : even.swap16()).toString('utf16le')
}
/** Unassigned and private characters, and halves of a pair. */
const NO_CHARACTER = /[\p{Cn}\p{Co}\p{Cs}]/gu
/** About one in six code points of noise is no character (it may begin with a byte-order mark); text has an icon here and there. */
const isNoise = (text: string): boolean =>
  (text.match(NO_CHARACTER) ?? []).length > Math.max(2, text.length / 20)
const isText = (text: string): boolean => !NO_TEXT.test(text) && !isNoise(text)
/** Self-extracting archives carry binary data after their script. Without `#!` nothing marks it, so all of it must be text. */
function isShellScript(head: Buffer): boolean {
  const text = textOf(head)
  const [line = ''] = text.split('\n', 1)
  return !isProgram(head) && isText(/^(?:\xef\xbb\xbf|\ufeff)?#!/.test(text) ? line : text)
}
function isScript(head: Buffer): boolean {
  const text = textOf(head).trimEnd()
  return !isProgram(head) && isText(text.endsWith(END_OF_FILE) ? text.slice(0, -1) : text)
}
const nothing = (): Found => ({})

const script: Reader = { what: 'a script', begins: isScript, read: nothing }
const isTar = (head: Buffer): boolean =>
  startsWith(head, '1f8b') ||
  startsWith(head, 'fd377a585a00') ||
  head.subarray(257, 262).toString('latin1') === 'ustar'

export const READERS: Readonly<Record<InstallerKind, Reader>> = {
  msi: {
    what: 'a Windows Installer package',
    begins: (head) => startsWith(head, 'd0cf11e0a1b11ae1'),
    read: readMsi,
  },
  msp: {
    what: 'a patch of Windows Installer',
    begins: (head) => startsWith(head, 'd0cf11e0a1b11ae1'),
    read: readMsp,
  },
  msu: {
    what: 'an update of Windows',
    begins: (head) => startsWith(head, '4d534346'),
    read: readMsu,
  },
  msix: {
    what: 'an MSIX package',
    begins: (head) => startsWith(head, '504b0304'),
    read: readMsix,
  },
  exe: { what: 'a Windows program', begins: (head) => startsWith(head, '4d5a'), read: readExe },
  ps1: script,
  cmd: script,
  sh: { ...script, begins: isShellScript, read: readMakeself },
  appimage: {
    what: 'an AppImage',
    begins: isLinuxProgram,
    read: (window, _asked, fileName) => readAppImage(window, fileName),
  },
  pkg: {
    what: 'a macOS installer package',
    begins: (head) => startsWith(head, '78617221'),
    read: readPkg,
  },
  dmg: { what: 'a macOS disk image', begins: isDiskImage, read: readDmg },
  rpm: { what: 'an RPM package', begins: (head) => startsWith(head, 'edabeedb'), read: readRpm },
  deb: {
    what: 'a Debian package',
    begins: (head) => startsWith(head, '213c617263683e0a'),
    read: readDeb,
  },
  zip: {
    what: 'a zip archive',
    // Local file header, or the end record of an empty archive.
    begins: (head) => startsWith(head, '504b0304') || startsWith(head, '504b0506'),
    read: async (window, asked) => ({ archive: await readArchive(window, 'zip', asked) }),
  },
  tar: {
    what: 'a tar archive (plain, gzip or xz)',
    begins: isTar,
    read: async (window, asked) => ({ archive: await readArchive(window, 'tar', asked) }),
  },
}

/**
 * What the file says about itself; its name fills in what is missing.
 * @throws AppError E_PACKAGE_UNREADABLE with the problem, E_PACKAGE_LIMIT
 */
export async function readFile(
  window: Window,
  file: {
    fileName: string
    kind: InstallerKind
    asked: readonly string[]
    manifests?: { files: readonly ManifestFile[]; sha256: string }
  },
  readers: Readonly<Record<InstallerKind, Reader>> = READERS,
): Promise<PackageFacts> {
  const { fileName, kind, asked } = file
  const reader = readers[kind]
  if (window.sizeBytes === 0) throw unreadable('the file is empty')
  if (!reader.begins(window.read(0, HEAD_BYTES), window)) {
    const what = containerOf(window)
    const instead = what && what !== reader.what ? `: it is ${what}` : ''
    throw unreadable(`${fileName} is not ${reader.what}, whatever its name says${instead}`)
  }
  const found = await reader.read(window, asked, fileName)
  const within =
    (kind === 'zip' || kind === 'tar') && found.archive
      ? await readWithin(window, { kind, facts: found.archive }, (inner, entry) =>
          readFile(inner, { ...entry, asked: [] }, readers),
        )
      : {}
  const name = found.name ?? within.name
  const facts: PackageFacts = {
    version: '',
    publisher: '',
    platform: INSTALLER_KINDS[kind].platform,
    arch: 'any',
    archWord: '',
    detection: null,
    ...within,
    ...found,
    name: name || cleanText(stemOf(fileName), 200) || fileName,
  }
  return withSoundRules(file.manifests ? withManifests(facts, file.manifests, kind) : facts)
}

/** Without rules that the contract does not allow, such as one with a name that would mislead its reader. */
function withSoundRules(facts: PackageFacts): PackageFacts {
  const { knowledge } = facts
  const isSound = (rule: unknown): boolean => Detection.safeParse(rule).success
  const detection = isSound(facts.detection) ? facts.detection : null
  if (!knowledge) return { ...facts, detection }
  const kept = { ...knowledge.facts }
  if (!isSound(kept.detection?.value)) delete kept.detection
  if (!isSound(kept.upgrade_of?.value)) delete kept.upgrade_of
  return { ...facts, detection, knowledge: { ...knowledge, facts: kept } }
}
