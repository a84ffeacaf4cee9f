/**
 * InstallShield: a list of files appended to the program. Behind a package of Windows Installer it passes arguments on; an
 * InstallScript needs recorded answers (docs.revenera.com, "Setup.exe and Update.exe Command-Line Parameters").
 */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { cutOff } from '../../facts.ts'
import { knowledgeOf, read, usual, warning } from '../../knowledge.ts'
import { archOfProgram } from './plain.ts'
import type { Program } from './program.ts'
import type { Window } from '../window.ts'

const MSI_ARGS = '/s /v"/qn /norestart"'
const SIGNATURES = ['InstallShield\0', 'ISSetupStream\0']
const SIGNATURE_SEARCH_BYTES = 4 * 1024
const HEADER_BYTES = 46
const ENTRY_BYTES = 312
const FILE_LIMIT = 5_000
/** Since version 18: fixed fields, then more of them in lists of type 4, then the name in UTF-16, then the file. */
const STREAM_ENTRY_BYTES = 24
const STREAM_NAME_LIMIT_BYTES = 1_040
const DOUBLE_ENTRIES = 4
const INCOMPLETE =
  'Files that this InstallShield installer needs are missing in it, so the download may have been cut off. Download it again.'
const WITHOUT_FILES =
  'This is the setup program of InstallShield without the files that it installs. Pack all files of its folder into an archive. If it is meant to be a single file, the download was cut off.'
const WHAT = 'this InstallShield installer'
/** Older ones write each file as four texts and its bytes. */
const PLAIN_ENTRY_BYTES = 1_024
const PLAIN_ENTRY = /^([^\0-\x1f]{1,260})\0([^\0-\x1f]{1,260})\0([\d.]{0,40})\0(\d{1,10})\0/

/** Names of files, and whether all of them are there; null: the list does not say how many it has. */
type List = { names: string[]; complete: boolean | null }

/** Where the entry's file begins and how long it is. Null: it is no entry, so the list is of a form that is not known. */
function streamEntry(window: Window, at: number, isDouble: boolean) {
  const entry = window.read(at, STREAM_ENTRY_BYTES)
  const nameBytes = entry.length < 4 ? 0 : entry.readUInt32LE(0)
  if (entry.length < STREAM_ENTRY_BYTES) return 'cut off' as const
  if (nameBytes === 0 || nameBytes > STREAM_NAME_LIMIT_BYTES || nameBytes % 2 !== 0) return null
  const nameAt = at + (isDouble ? 2 : 1) * STREAM_ENTRY_BYTES
  const name = window.read(nameAt, nameBytes).toString('utf16le')
  if (/[\x01-\x1f]/.test(name)) return null
  return { name: name.split('\0', 1)[0]!, from: nameAt + nameBytes, bytes: entry.readUInt32LE(10) }
}

function listedEntry(window: Window, at: number) {
  const entry = window.read(at, ENTRY_BYTES)
  if (entry.length < ENTRY_BYTES) return 'cut off' as const
  const name = entry.toString('latin1', 0, 260).split('\0', 1)[0]!
  if (name === '' || /[\x01-\x1f]/.test(name)) return null
  return { name, from: at + ENTRY_BYTES, bytes: entry.readUInt32LE(268) }
}

/** Null: no such list. @throws AppError E_PACKAGE_UNREADABLE when a file of it is missing */
function encodedNames({ window, overlay }: Program): List | null {
  const head = window.read(overlay.at, Math.min(overlay.sizeBytes, SIGNATURE_SEARCH_BYTES))
  const isDebugRecord = head.toString('latin1', 0, 4) === 'NB10'
  const starts = SIGNATURES.map((signature) => head.indexOf(signature, 0, 'latin1')).filter(
    (at) => at >= 0,
  )
  const start = Math.min(...starts)
  // Only a debug record of the linker may come before it.
  if (!Number.isFinite(start) || (start > 0 && !isDebugRecord)) return null
  if (start + HEADER_BYTES > head.length)
    throw cutOff(WHAT, overlay.at + start + HEADER_BYTES, overlay.at + head.length)
  const count = Math.min(head.readUInt16LE(start + 14), FILE_LIMIT)
  const isStream = head.toString('latin1', start, start + 13) === 'ISSetupStream'
  const isDouble = head.readUInt32LE(start + 16) === DOUBLE_ENTRIES
  const names: string[] = []
  const end = overlay.at + overlay.sizeBytes
  for (let i = 0, at = overlay.at + start + HEADER_BYTES; i < count; i++) {
    const entry = isStream ? streamEntry(window, at, isDouble) : listedEntry(window, at)
    if (entry === null) return { names, complete: null }
    const entryEnd = entry === 'cut off' ? at + STREAM_ENTRY_BYTES : entry.from + entry.bytes
    if (entry === 'cut off' || entryEnd > end) throw cutOff(WHAT, Math.max(entryEnd, end + 1), end)
    names.push(entry.name)
    at = entryEnd
  }
  return { names, complete: count > 0 ? true : null }
}

/** Null: no such list. @throws AppError E_PACKAGE_UNREADABLE when its last file is cut off */
function plainNames({ window, overlay }: Program): List | null {
  const names: string[] = []
  const end = overlay.at + overlay.sizeBytes
  let at = overlay.at
  while (names.length < FILE_LIMIT && at < end) {
    const length = Math.min(PLAIN_ENTRY_BYTES, end - at)
    const entry = PLAIN_ENTRY.exec(window.read(at, length).toString('latin1'))
    if (!entry) break
    names.push(entry[1]!)
    at += entry[0].length + Number(entry[4])
    if (at > end) throw cutOff(WHAT, at, end)
  }
  if (names.length === 0) return null
  // The list does not say how many files it has, but what none of them can do without.
  const has = (name: RegExp): boolean => names.some((one) => name.test(one))
  const isScript = has(/^data1\./i)
  const wanted = isScript
    ? [/^data1\.cab$/i, /^data1\.hdr$/i, /^setup\.in[sx]$/i]
    : [/^setup\.ini$/i]
  const isWhole = at === end && wanted.every(has)
  return { names, complete: isWhole && null }
}

const isSetup = ({ assemblyName }: Program): boolean => /^InstallShield\.Setup$/i.test(assemblyName)
const isMarked = (program: Program): boolean => isSetup(program) || isDescribed(program)
const isDescribed = ({ strings }: Program): boolean =>
  /^InstallShield/i.test(strings.ProductName ?? '') ||
  /^InstallShield/i.test(strings.ISInternalDescription ?? '')

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function readInstallShield(program: Program): InstallerKnowledge | null {
  const encoded = encodedNames(program)
  const list = encoded ?? (isMarked(program) ? plainNames(program) : null)
  if (list === null)
    return isSetup(program)
      ? knowledgeOf('installshield', {
          complete: false,
          warnings: [warning('needs_files', WITHOUT_FILES)],
        })
      : null
  const { names, complete } = list
  const missing = complete === false ? [warning('truncated', INCOMPLETE)] : []
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name))
  const arch = archOfProgram(program)
  const facts = arch === 'any' ? {} : { arch: read(arch, 'program header') }
  if (has(/\.msi$/i))
    return knowledgeOf('installshield', {
      complete,
      warnings: missing,
      facts: {
        ...facts,
        install_args: usual(MSI_ARGS, 'InstallShield with a Windows Installer package'),
      },
    })
  if (has(/^setup\.inx$/i) || has(/^data1\.(?:cab|hdr)$/i))
    return knowledgeOf('installshield', {
      complete,
      facts,
      warnings: [
        ...missing,
        warning(
          'needs_files',
          'This is an InstallScript installer: it stays silent only with a response file. Record one with /r /f1"C:\\setup.iss", then pack both into an archive and use /s /f1"…\\setup.iss".',
        ),
        warning('may_wait', 'Without a response file it shows windows and waits.'),
      ],
    })
  return knowledgeOf('installshield', {
    complete,
    facts,
    warnings: [
      ...missing,
      warning(
        'may_wait',
        'How this InstallShield installer runs silently depends on what is inside. Try it on one PC first.',
      ),
    ],
  })
}
