/** The fields of Inno Setup's header, in the order in which they are stored (innoextract, src/setup/header.cpp). */
import { isKnownFormat } from './formats.ts'
import type { InnoHeader } from './header.ts'

/** Directives of [Setup] in the order in which their values are stored, each with the first format that has it. */
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
/** The licence, the texts to show before and after the installation, and the compiled code. */
const ANSI_STRINGS = 4
/** How many languages, files, registry entries and so on the installer has, 4 bytes each. */
const COUNTERS = 16
/** Only without Unicode: the lead bytes of the code page, one bit for each byte. */
const LEAD_BYTE_TABLE_BYTES = 32
/** Newer formats may have up to this many more strings before the compiled code, which starts with CODE_MARK. */
const EXTRA_STRINGS_LIMIT = 8
const CODE_MARK = 'IFPS'

/** Values of PrivilegesRequired, by their stored number. */
const PRIVILEGES = ['none', 'poweruser', 'admin', 'lowest'] as const
/** Bits of the accepted architectures. */
const X86 = 2
const AMD64 = 4
const ARM64 = 16

/** The fixed-size fields after the strings. */
export type InnoSettings = {
  /** More than 1: the data is in several files. */
  slicesPerDisk: number
  hasPassword: boolean
  privileges: (typeof PRIVILEGES)[number]
  /** The command line may choose the scope: /ALLUSERS or /CURRENTUSER. */
  allowsOverride: boolean
  /** As expressions. Null: the format stores them as strings, ArchitecturesAllowed and ArchitecturesInstallIn64BitMode. */
  architectures: { allowed: string; in64BitMode: string } | null
}
export type InnoFields = {
  /** The value of a directive as it is stored, with constants such as {app}. Empty: not set, or not in this format. */
  text: (directive: string) => string
  /** Of the section [Code]; empty: there is none, or it was not found. */
  compiledCode: Buffer
  /** Null: the format is newer than the known ones, or they are damaged. */
  settings: InnoSettings | null
}

const WINDOWS_1252 = new TextDecoder('windows-1252')
const UTF_16 = new TextDecoder('utf-16le')

/** The expression that accepts the architectures of this bit set. */
function architecturesOf(bits: number): string {
  const identifiers = [
    (bits & X86) !== 0 && 'x86os',
    (bits & AMD64) !== 0 && 'x64os',
    (bits & ARM64) !== 0 && 'arm64',
  ]
  return identifiers.filter(Boolean).join(' or ')
}

/** Null: the format is not known, or a value is implausible. */
function readSettings(
  bytes: Buffer,
  start: number,
  { format, isUnicode, hasPassword: recordHasPassword }: InnoHeader,
): InnoSettings | null {
  let at = start
  const skip = (count: number): void => void (at += count)
  const u8 = (): number => bytes[at++] ?? 0xff
  if (!isKnownFormat(format)) return null
  if (!isUnicode) skip(LEAD_BYTE_TABLE_BYTES)
  // After the counters, the range of Windows versions.
  skip(4 * (COUNTERS + (format >= 60_500 ? 1 : 0)) + 20)
  // Colours of the background and of the wizard's images.
  if (format < 60_400) skip(8)
  if (format < 50_507) skip(4)
  if (format < 50_004) skip(4)
  // Style and size of the wizard, then the alpha format of its images.
  if (format >= 60_000) skip(9)
  if (format >= 50_507) skip(1)
  const hashBytes =
    recordHasPassword !== null ? 0 : format >= 60_400 ? 4 : format >= 50_309 ? 20 : 16
  const hasPassword =
    recordHasPassword ?? bytes.subarray(at, at + hashBytes).some((byte) => byte !== 0)
  const saltBytes = recordHasPassword !== null ? 0 : format >= 60_400 ? 44 : 8
  const diskSpaceBytes = 8
  skip(hashBytes + saltBytes + diskSpaceBytes)
  if (at + 16 > bytes.length) return null
  const slicesPerDisk = bytes.readUInt32LE(at)
  skip(4)
  // Mode of the uninstall log, warning about an existing folder.
  skip(2)
  const privileges = PRIVILEGES[u8()]
  const overrides = format >= 50_700 ? u8() : 0
  // Language dialog, language detection, compression.
  skip(3)
  const allowed = u8()
  const in64BitMode = u8()
  const isPlausible =
    slicesPerDisk >= 1 && slicesPerDisk <= 26 && privileges !== undefined && overrides <= 3
  if (!isPlausible) return null
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

/** Null: the strings are damaged, so there is nothing to read. */
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
  for (let i = 0; i < ANSI_STRINGS + (isKnown ? 0 : EXTRA_STRINGS_LIMIT); i++) {
    const text = next()
    if (!text)
      return { text: (directive) => texts.get(directive) ?? '', compiledCode, settings: null }
    const isCode = text.toString('latin1', 0, CODE_MARK.length) === CODE_MARK
    if (isKnown || isCode) compiledCode = text
    if (!isKnown && isCode) break
  }
  const settings = readSettings(bytes, at, header)
  return { text: (directive) => texts.get(directive) ?? '', compiledCode, settings }
}
