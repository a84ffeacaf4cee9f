/** The fields of Inno Setup's header, in their order (innoextract, src/setup/header.cpp). */
import { isKnownFormat } from './formats.ts'
import type { InnoHeader } from './header.ts'

/** Name, and since which format. */
const STRINGS: readonly (readonly [name: string, since: number])[] = [
  ['AppName', 0],
  ['AppVerName', 0],
  ['AppId', 0],
  ['AppCopyright', 0],
  ['AppPublisher', 0],
  ['AppPublisherURL', 0],
  ['AppSupportPhone', 50_113],
  ['AppSupportURL', 0],
  ['AppUpdatesURL', 0],
  ['AppVersion', 0],
  ['DefaultDirName', 0],
  ['DefaultGroupName', 0],
  ['BaseFilename', 0],
  ['UninstallFilesDir', 0],
  ['UninstallDisplayName', 0],
  ['UninstallDisplayIcon', 0],
  ['AppMutex', 0],
  ['DefaultUserInfoName', 0],
  ['DefaultUserInfoOrg', 0],
  ['DefaultUserInfoSerial', 0],
  ['AppReadmeFile', 0],
  ['AppContact', 0],
  ['AppComments', 0],
  ['AppModifyPath', 0],
  ['CreateUninstallRegKey', 50_308],
  ['Uninstallable', 50_310],
  ['CloseApplicationsFilter', 50_500],
  ['SetupMutex', 50_506],
  ['ChangesEnvironment', 50_601],
  ['ChangesAssociations', 50_601],
  ['ArchitecturesAllowed', 60_300],
  ['ArchitecturesInstallIn64BitMode', 60_300],
  ['CloseApplicationsFilterExcludes', 60_502],
  ['SevenZipLibraryName', 60_502],
]
/** License, information before and after, and the compiled code. */
const ANSI_STRINGS = 4
const COUNTS = 16
const LEAD_BYTES = 32
/** Newer formats may have this many strings more before the compiled code, which begins with a mark. */
const MORE_STRINGS = 8
const CODE_MARK = 'IFPS'

const PRIVILEGES = ['none', 'poweruser', 'admin', 'lowest'] as const
const X86 = 2
const AMD64 = 4
const ARM64 = 16

export type InnoNumbers = {
  slicesPerDisk: number
  hasPassword: boolean
  privileges: (typeof PRIVILEGES)[number]
  /** The command line may choose between one user and the PC. */
  allowsOverride: boolean
  /** Expressions, as in newer formats. Null: in the strings. */
  architectures: { allowed: string; in64BitMode: string } | null
}
export type InnoFields = {
  text: (name: string) => string
  compiledCode: Buffer
  /** Null: of a newer format, or damaged. */
  numbers: InnoNumbers | null
}

const WINDOWS_1252 = new TextDecoder('windows-1252')
const UTF_16 = new TextDecoder('utf-16le')

function architecturesOf(bits: number): string {
  const names = [
    (bits & X86) !== 0 && 'x86os',
    (bits & AMD64) !== 0 && 'x64os',
    (bits & ARM64) !== 0 && 'arm64',
  ]
  return names.filter(Boolean).join(' or ')
}

function readNumbers(
  bytes: Buffer,
  start: number,
  { format, isUnicode, hasPassword: isProtected }: InnoHeader,
): InnoNumbers | null {
  let at = start
  const skip = (count: number): void => void (at += count)
  const u8 = (): number => bytes[at++] ?? 0xff
  if (!isKnownFormat(format)) return null
  if (!isUnicode) skip(LEAD_BYTES)
  skip(4 * (COUNTS + (format >= 60_500 ? 1 : 0)) + 20)
  // Colours.
  if (format < 60_400) skip(8)
  if (format < 50_507) skip(4)
  if (format < 50_004) skip(4)
  if (format >= 60_000) skip(9)
  if (format >= 50_507) skip(1)
  const hashBytes = isProtected !== null ? 0 : format >= 60_400 ? 4 : format >= 50_309 ? 20 : 16
  const hasPassword = isProtected ?? bytes.subarray(at, at + hashBytes).some((byte) => byte !== 0)
  const saltBytes = isProtected !== null ? 0 : format >= 60_400 ? 44 : 8
  // And the disk space that it needs.
  skip(hashBytes + saltBytes + 8)
  if (at + 16 > bytes.length) return null
  const slicesPerDisk = bytes.readUInt32LE(at)
  skip(4 + 2)
  const privileges = PRIVILEGES[u8()]
  const overrides = format >= 50_700 ? u8() : 0
  skip(3)
  const allowed = u8()
  const in64BitMode = u8()
  const isSound =
    slicesPerDisk >= 1 && slicesPerDisk <= 26 && privileges !== undefined && overrides <= 3
  if (!isSound) return null
  return {
    slicesPerDisk,
    hasPassword,
    privileges,
    allowsOverride: (overrides & 1) !== 0,
    architectures:
      format >= 60_300
        ? null
        : { allowed: architecturesOf(allowed), in64BitMode: architecturesOf(in64BitMode) },
  }
}

/** Null: its strings are damaged. */
export function innoFields(header: InnoHeader): InnoFields | null {
  const { bytes, format, isUnicode } = header
  const texts = new Map<string, string>()
  let at = 0
  function next(): Buffer | null {
    if (at + 4 > bytes.length) return null
    const length = bytes.readUInt32LE(at)
    if (at + 4 + length > bytes.length) return null
    const text = bytes.subarray(at + 4, at + 4 + length)
    at += 4 + length
    return text
  }
  for (const [name, since] of STRINGS) {
    if (format < since) continue
    const text = next()
    if (!text) return null
    texts.set(name, (isUnicode ? UTF_16 : WINDOWS_1252).decode(text))
  }
  let compiledCode: Buffer = Buffer.alloc(0)
  const isKnown = isKnownFormat(format)
  for (let i = 0; i < ANSI_STRINGS + (isKnown ? 0 : MORE_STRINGS); i++) {
    const text = next()
    if (!text) return { text: (name) => texts.get(name) ?? '', compiledCode, numbers: null }
    const isCode = text.toString('latin1', 0, CODE_MARK.length) === CODE_MARK
    if (isKnown || isCode) compiledCode = text
    if (!isKnown && isCode) break
  }
  const numbers = readNumbers(bytes, at, header)
  return { text: (name) => texts.get(name) ?? '', compiledCode, numbers }
}
