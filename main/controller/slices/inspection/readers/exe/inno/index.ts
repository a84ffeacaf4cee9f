/** Inno Setup installers (jrsoftware.org/ishelp: "Setup Command Line Parameters", "[Setup] section directives", "Constants"). */
import type {
  InstallerKnowledge,
  InstallerWarning,
} from '#shared/contract/rest/installer-knowledge.ts'
import { INSTALLER_TECHNOLOGIES } from '#shared/domain/installer-technology.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable } from '../../../facts.ts'
import {
  guess,
  knowledgeOf,
  read,
  rulesFor,
  usual,
  warning,
  withoutEmpty,
} from '../../../knowledge.ts'
import type { Program } from '../program.ts'
import { innoFields, type InnoFields, type InnoNumbers } from './fields.ts'
import { NEWEST_KNOWN } from './formats.ts'
import { innoHeader, innoOffsets, type InnoProblem } from './header.ts'
import { plain, removalCommand } from './removal.ts'

/** Setup returns the second one because of /RESTARTEXITCODE. */
const SUCCESS_CODES = [0, 3010]
const MARK_AT = 0x30
const SILENT = INSTALLER_TECHNOLOGIES.inno.silentArgs
const HEADER = 'setup header'
const KEY_LIMIT = 200
/** How the compiled code names a question that /SUPPRESSMSGBOXES does not suppress. */
const QUESTION = Buffer.from('MSGBOX')

const FITTING: Readonly<Record<string, readonly InstallerArch[]>> = {
  x86: ['x86'],
  x86os: ['x86'],
  x86compatible: ['x86', 'x64', 'arm64'],
  x64: ['x64'],
  x64os: ['x64'],
  x64compatible: ['x64', 'arm64'],
  win64: ['x64', 'arm64'],
  arm64: ['arm64'],
}

/** The PCs that it accepts. Null: an expression that is not evaluated here. */
function archOf(allowed: string): InstallerArch | null {
  const words = allowed
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '' && word !== 'or')
  if (words.length === 0) return 'any'
  const fitting = new Set<InstallerArch>()
  for (const word of words) {
    const archs = FITTING[word]
    if (!archs) return null
    for (const arch of archs) fitting.add(arch)
  }
  if (fitting.has('x64')) return fitting.has('x86') ? 'any' : 'x64'
  if (fitting.has('arm64')) return fitting.has('x86') ? null : 'arm64'
  return 'x86'
}

/** The name of its uninstall key. Empty: none, or it depends on the PC. */
function keyOf(fields: InnoFields): string {
  const answers = [fields.text('Uninstallable'), fields.text('CreateUninstallRegKey')]
  if (!answers.every((answer) => answer === '' || answer.toLowerCase() === 'yes')) return ''
  const id = plain(fields.text('AppId') || fields.text('AppName'))
  return id === '' || id.length > KEY_LIMIT || /[\\\0-\x1f]/.test(id) ? '' : `${id}_is1`
}

/** What could be read of an installer with a data format that is not known, and what not. */
const newerFormat = (formatText: string, parts: string): InstallerWarning =>
  warning(
    'newer_format',
    `This installer has the data format ${formatText || 'of an unknown version'} of Inno Setup; the newest one that is known is ${NEWEST_KNOWN}. ${parts}`,
  )
const TEXTS_ONLY =
  'Its name, version, publisher, architectures and uninstall key were read. It is unknown whether it needs a password or other files, and whether it installs for one user. Try it on one PC first.'
const NOTHING =
  'Nothing in its header could be read, so its name and version may be missing. Try it on one PC first.'
const problemWarning = ({ problem, formatText }: InnoProblem): InstallerWarning =>
  problem === 'encrypted'
    ? warning(
        'encrypted',
        'This installer is encrypted and needs a password: add /PASSWORD=… to the arguments. Nothing about it can be read.',
      )
    : newerFormat(formatText, NOTHING)

function warningsOf(fields: InnoFields, formatText: string, isSplit: boolean): InstallerWarning[] {
  const { numbers, compiledCode } = fields
  const warnings: InstallerWarning[] = []
  if (isSplit || (numbers?.slicesPerDisk ?? 1) > 1)
    warnings.push(
      warning(
        'needs_files',
        'The data of this installer lie in other files beside it, whose names end in -1.bin and so on. Without them it shows a window and waits. Pack all of them into an archive.',
      ),
    )
  if (numbers?.hasPassword)
    warnings.push(
      warning(
        'needs_property',
        'This installer needs a password: add /PASSWORD=… to the arguments.',
      ),
    )
  if (numbers?.privileges === 'lowest')
    warnings.push(
      warning(
        'per_user',
        numbers.allowsOverride
          ? 'This installer installs for one user unless it is run with /ALLUSERS. The agent runs as SYSTEM, so without it the program would land in a profile that nobody uses.'
          : 'This installer installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses. Look for an installer for the whole PC.',
      ),
    )
  if (compiledCode.includes(QUESTION))
    warnings.push(
      warning(
        'may_wait',
        'The script of this installer can ask questions that the silent switches do not suppress. Try it on one PC first.',
      ),
    )
  if (fields.text('Uninstallable').toLowerCase() === 'no')
    warnings.push(
      warning(
        'not_removable',
        'This installer registers no program, so nothing can detect or remove what it installs.',
      ),
    )
  if (!numbers) warnings.push(newerFormat(formatText, TEXTS_ONLY))
  return warnings
}

const isForUser = (numbers: InnoNumbers | null): boolean => numbers?.privileges === 'lowest'
const scopeOf = (numbers: InnoNumbers | null) =>
  numbers && (isForUser(numbers) ? 'user' : 'machine')

function productOf(fields: InnoFields) {
  const key = keyOf(fields)
  const { numbers } = fields
  if (key === '' || !numbers) return null
  const isUsers = isForUser(numbers) && !numbers.allowsOverride
  return { type: 'uninstall_key', key, hive: isUsers ? 'user' : 'machine', operator: 'ge' } as const
}

/** The command that removes the program. Empty: it registers no uninstaller, or the place of the uninstaller depends on the PC. */
function removalOf(fields: InnoFields): string {
  const { numbers } = fields
  if (keyOf(fields) === '' || !numbers || (isForUser(numbers) && !numbers.allowsOverride)) return ''
  const in64BitMode =
    numbers.architectures?.in64BitMode ?? fields.text('ArchitecturesInstallIn64BitMode')
  const arch = in64BitMode === '' ? 'x86' : archOf(in64BitMode)
  if (arch === null) return ''
  return removalCommand(
    { appDir: fields.text('DefaultDirName'), uninstallDir: fields.text('UninstallFilesDir') },
    arch !== 'x86',
  )
}

/** Installers of Inno Setup before 5.1.5 name their tables in the header of the program. */
function isOld({ window }: Program): boolean {
  const mark = window.read(MARK_AT, 12)
  return (
    mark.length === 12 &&
    mark.toString('latin1', 0, 4) === 'Inno' &&
    mark.readUInt32LE(4) === ~mark.readUInt32LE(8) >>> 0
  )
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off, or an uninstaller */
export function readInno(program: Program): InstallerKnowledge | null {
  const { window } = program
  if (window.read(MARK_AT, 4).toString('latin1') === 'InUn')
    throw unreadable(
      'it is an uninstaller, made by Inno Setup: it removes a program and installs none',
    )
  const offsets = innoOffsets(program)
  const args = usual(SILENT, 'Inno Setup')
  const codes = usual(SUCCESS_CODES, 'Inno Setup')
  if (!offsets)
    return isOld(program)
      ? knowledgeOf('inno', { facts: { install_args: args, success_exit_codes: codes } })
      : null
  const header =
    offsets === 'newer'
      ? ({ problem: 'unknown', formatText: '' } as const)
      : innoHeader(program, offsets)
  const fields = 'problem' in header ? null : innoFields(header)
  if ('problem' in header || !fields || offsets === 'newer')
    return knowledgeOf('inno', {
      complete: offsets === 'newer' ? null : true,
      facts: { install_args: args, success_exit_codes: codes },
      warnings: [
        problemWarning(
          'problem' in header ? header : { problem: 'unknown', formatText: header.formatText },
        ),
      ],
    })
  const { numbers } = fields
  const version = cleanText(plain(fields.text('AppVersion')), 100)
  const allowed = numbers?.architectures?.allowed ?? fields.text('ArchitecturesAllowed')
  const arch = numbers || header.format >= 60_300 ? archOf(allowed) : null
  const product = productOf(fields)
  const needsAllUsers = isForUser(numbers) && numbers?.allowsOverride
  const withAllUsers = read(`${SILENT} /ALLUSERS`, HEADER)
  return knowledgeOf('inno', {
    complete: true,
    scope: scopeOf(numbers),
    warnings: warningsOf(fields, header.formatText, offsets.data === 0),
    facts: {
      ...withoutEmpty({
        name: read(cleanText(plain(fields.text('AppName')), 200), HEADER),
        version: read(version, HEADER),
        publisher: read(cleanText(plain(fields.text('AppPublisher')), 200), HEADER),
        uninstall: usual(removalOf(fields), HEADER),
      }),
      ...(arch ? { arch: arch === 'any' ? guess(arch, HEADER) : read(arch, HEADER) } : {}),
      install_args: needsAllUsers ? withAllUsers : args,
      success_exit_codes: codes,
      ...(product ? rulesFor(product, version, HEADER) : {}),
    },
  })
}
