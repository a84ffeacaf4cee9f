/**
 * InstallShield: a list of files appended to the program. Behind a package of Windows Installer it passes arguments on; an
 * InstallScript needs recorded answers (docs.revenera.com, "Setup.exe and Update.exe Command-Line Parameters").
 */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { knowledgeOf, read, usual, warning } from '../../knowledge.ts'
import { archOfProgram } from './plain.ts'
import type { Program } from './program.ts'

const MSI_ARGS = '/s /v"/qn /norestart"'
const SIGNATURES = ['InstallShield\0', 'ISSetupStream\0']
const SIGNATURE_SEARCH_BYTES = 4 * 1024
const HEADER_BYTES = 46
const ENTRY_BYTES = 312
const FILE_LIMIT = 5_000
/** Older ones write each file as four texts and its bytes. */
const PLAIN_ENTRY_BYTES = 1_024
const PLAIN_ENTRY = /^([^\0-\x1f]{1,260})\0([^\0-\x1f]{1,260})\0([\d.]{0,40})\0(\d{1,10})\0/

/** Null: no such list. */
function encodedNames({ window, overlay }: Program): string[] | null {
  const head = window.read(overlay.at, Math.min(overlay.sizeBytes, SIGNATURE_SEARCH_BYTES))
  const isDebugRecord = head.toString('latin1', 0, 4) === 'NB10'
  const starts = SIGNATURES.map((signature) => head.indexOf(signature, 0, 'latin1')).filter(
    (at) => at >= 0,
  )
  const start = Math.min(...starts)
  // A debug record of the linker may stand before it, and nothing else.
  if (
    !Number.isFinite(start) ||
    (start > 0 && !isDebugRecord) ||
    start + HEADER_BYTES > head.length
  )
    return null
  const count = Math.min(head.readUInt16LE(start + 14), FILE_LIMIT)
  const isStream = head.toString('latin1', start, start + 13) === 'ISSetupStream'
  // The lists of newer ones have entries of varying length; that they are there is all that is read.
  if (isStream) return []
  const names: string[] = []
  const end = overlay.at + overlay.sizeBytes
  for (let i = 0, at = overlay.at + start + HEADER_BYTES; i < count; i++) {
    const entry = window.read(at, ENTRY_BYTES)
    if (entry.length < ENTRY_BYTES) break
    names.push(entry.toString('latin1', 0, 260).split('\0', 1)[0]!)
    at += ENTRY_BYTES + entry.readUInt32LE(268)
    if (at > end) return names
  }
  return names
}

function plainNames({ window, overlay }: Program): string[] | null {
  const names: string[] = []
  for (let at = overlay.at; names.length < FILE_LIMIT;) {
    const entry = PLAIN_ENTRY.exec(window.read(at, PLAIN_ENTRY_BYTES).toString('latin1'))
    if (!entry) break
    names.push(entry[1]!)
    at += entry[0].length + Number(entry[4])
    if (at > overlay.at + overlay.sizeBytes) return null
  }
  return names.length > 0 ? names : null
}

const isMarked = ({ manifest, strings }: Program): boolean =>
  /^InstallShield\.Setup$/i.test(manifest.name) ||
  /^InstallShield/i.test(strings.ProductName ?? '') ||
  /^InstallShield/i.test(strings.ISInternalDescription ?? '')

export function readInstallShield(program: Program): InstallerKnowledge | null {
  const encoded = encodedNames(program)
  const plain = encoded === null && isMarked(program) ? plainNames(program) : null
  const names = encoded ?? plain
  if (names === null) return null
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name))
  const arch = archOfProgram(program)
  const facts = arch === 'any' ? {} : { arch: read(arch, 'program header') }
  if (has(/\.msi$/i))
    return knowledgeOf('installshield', {
      facts: {
        ...facts,
        install_args: usual(MSI_ARGS, 'InstallShield with a Windows Installer package'),
      },
    })
  if (has(/^setup\.inx$/i) || has(/^data1\.(?:cab|hdr)$/i))
    return knowledgeOf('installshield', {
      facts,
      warnings: [
        warning(
          'needs_files',
          'This is an InstallScript installer: it stays silent only with a response file. Record one with /r /f1"C:\\setup.iss", then pack both into an archive and use /s /f1"…\\setup.iss".',
        ),
        warning('may_wait', 'Without a response file it shows windows and waits.'),
      ],
    })
  return knowledgeOf('installshield', {
    facts,
    warnings: [
      warning(
        'may_wait',
        'How this InstallShield installer runs silently depends on what is inside. Try it on one PC first.',
      ),
    ],
  })
}
