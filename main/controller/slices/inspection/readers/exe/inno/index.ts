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
import { innoFields, type InnoFields, type InnoSettings } from './fields.ts'
import { NEWEST_KNOWN_FORMAT } from './formats.ts'
import { innoHeader, innoOffsets, type InnoProblem } from './header.ts'
import { literalText, uninstallCommand } from './removal.ts'

/** 3010 means that a restart is required; /RESTARTEXITCODE makes Setup return it. */
const SUCCESS_CODES = [0, 3010]
/** Position in the DOS header of the mark of uninstallers and of Setup before 5.1.5. */
const OLD_MARK_AT = 0x30
const SILENT_ARGS = INSTALLER_TECHNOLOGIES.inno.silentArgs
const HEADER = 'setup header'
const KEY_LIMIT = 200
/** How the compiled code names the function MsgBox, whose questions /SUPPRESSMSGBOXES does not suppress. */
const QUESTION = Buffer.from('MSGBOX')

/** The PCs that each of Inno Setup's architecture identifiers matches. */
const ARCHS_BY_IDENTIFIER: Readonly<Record<string, readonly InstallerArch[]>> = {
  x86: ['x86'],
  x86os: ['x86'],
  x86compatible: ['x86', 'x64', 'arm64'],
  x64: ['x64'],
  x64os: ['x64'],
  x64compatible: ['x64', 'arm64'],
  win64: ['x64', 'arm64'],
  arm64: ['arm64'],
}

/** The PCs that an expression of ArchitecturesAllowed accepts. Null: it has other operators than `or`, or fits no InstallerArch. */
function archOf(allowed: string): InstallerArch | null {
  const words = allowed
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '' && word !== 'or')
  if (words.length === 0) return 'any'
  const accepted = new Set<InstallerArch>()
  for (const word of words) {
    const archs = ARCHS_BY_IDENTIFIER[word]
    if (!archs) return null
    for (const arch of archs) accepted.add(arch)
  }
  if (accepted.has('x64')) return accepted.has('x86') ? 'any' : 'x64'
  if (accepted.has('arm64')) return accepted.has('x86') ? null : 'arm64'
  return 'x86'
}

/** The name of the uninstall key. Empty: Setup creates none, or it depends on the PC. */
function uninstallKeyOf(fields: InnoFields): string {
  const values = [fields.text('Uninstallable'), fields.text('CreateUninstallRegKey')]
  if (!values.every((value) => value === '' || value.toLowerCase() === 'yes')) return ''
  const id = literalText(fields.text('AppId') || fields.text('AppName'))
  return id === '' || id.length > KEY_LIMIT || /[\\\0-\x1f]/.test(id) ? '' : `${id}_is1`
}

/** @param formatText empty: unknown. @param consequences what was read, what was not, and what to do */
const newerFormatWarning = (formatText: string, consequences: string): InstallerWarning =>
  warning(
    'newer_format',
    `This installer has the data format ${formatText || 'of an unknown version'} of Inno Setup; the newest known one is ${NEWEST_KNOWN_FORMAT}. ${consequences}`,
  )
const ONLY_TEXTS_READ =
  'Its name, version, publisher, architectures and uninstall key were read. It is unknown whether it needs a password or other files, and whether it installs for one user. Try it on one PC first.'
const NOTHING_READ =
  'Nothing in its header could be read, so its name and version may be missing. Try it on one PC first.'
const problemWarning = ({ problem, formatText }: InnoProblem): InstallerWarning =>
  problem === 'encrypted'
    ? warning(
        'encrypted',
        'This installer is encrypted and needs a password: add /PASSWORD=… to the arguments. Nothing about it can be read.',
      )
    : newerFormatWarning(formatText, NOTHING_READ)

function warningsOf(fields: InnoFields, formatText: string, isSplit: boolean): InstallerWarning[] {
  const { settings, compiledCode } = fields
  const warnings: InstallerWarning[] = []
  if (isSplit || (settings?.slicesPerDisk ?? 1) > 1)
    warnings.push(
      warning(
        'needs_files',
        'The data of this installer is in other files in the same folder, whose names end in -1.bin, -2.bin and so on. Without them the installer shows a window and waits. Pack all of these files into one archive.',
      ),
    )
  if (settings?.hasPassword)
    warnings.push(
      warning(
        'needs_property',
        'This installer needs a password: add /PASSWORD=… to the arguments.',
      ),
    )
  if (settings?.privileges === 'lowest')
    warnings.push(
      warning(
        'per_user',
        settings.allowsOverride
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
        'This installer creates no uninstall entry, so the program can be neither detected nor removed.',
      ),
    )
  if (!settings) warnings.push(newerFormatWarning(formatText, ONLY_TEXTS_READ))
  return warnings
}

const installsPerUser = (settings: InnoSettings | null): boolean =>
  settings?.privileges === 'lowest'
const scopeOf = (settings: InnoSettings | null) =>
  settings && (installsPerUser(settings) ? 'user' : 'machine')

function uninstallKeyRule(fields: InnoFields) {
  const key = uninstallKeyOf(fields)
  const { settings } = fields
  if (key === '' || !settings) return null
  const isPerUser = installsPerUser(settings) && !settings.allowsOverride
  return {
    type: 'uninstall_key',
    key,
    hive: isPerUser ? 'user' : 'machine',
    operator: 'ge',
  } as const
}

/** The silent uninstall command. Empty: it registers no uninstaller, or the path of the uninstaller depends on the PC. */
function uninstallCommandOf(fields: InnoFields): string {
  const { settings } = fields
  if (
    uninstallKeyOf(fields) === '' ||
    !settings ||
    (installsPerUser(settings) && !settings.allowsOverride)
  )
    return ''
  const in64BitMode =
    settings.architectures?.in64BitMode ?? fields.text('ArchitecturesInstallIn64BitMode')
  const arch = in64BitMode === '' ? 'x86' : archOf(in64BitMode)
  if (arch === null) return ''
  return uninstallCommand(
    { appDir: fields.text('DefaultDirName'), uninstallDir: fields.text('UninstallFilesDir') },
    arch !== 'x86',
  )
}

/** Before 5.1.5, the DOS header had a mark, the position of the offset table, and the complement of that position. */
function isBefore515({ window }: Program): boolean {
  const mark = window.read(OLD_MARK_AT, 12)
  return (
    mark.length === 12 &&
    mark.toString('latin1', 0, 4) === 'Inno' &&
    mark.readUInt32LE(4) === ~mark.readUInt32LE(8) >>> 0
  )
}

/** Null: not made with Inno Setup. @throws AppError E_PACKAGE_UNREADABLE when it is cut off or damaged, or an uninstaller */
export function readInno(program: Program): InstallerKnowledge | null {
  const { window } = program
  if (window.read(OLD_MARK_AT, 4).toString('latin1') === 'InUn')
    throw unreadable(
      'it is an uninstaller made by Inno Setup: it removes a program and installs nothing',
    )
  const offsets = innoOffsets(program)
  const args = usual(SILENT_ARGS, 'Inno Setup')
  const codes = usual(SUCCESS_CODES, 'Inno Setup')
  if (!offsets)
    return isBefore515(program)
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
  const { settings } = fields
  const version = cleanText(literalText(fields.text('AppVersion')), 100)
  const allowed = settings?.architectures?.allowed ?? fields.text('ArchitecturesAllowed')
  const arch = settings || header.format >= 60_300 ? archOf(allowed) : null
  const rule = uninstallKeyRule(fields)
  const needsAllUsersSwitch = installsPerUser(settings) && settings?.allowsOverride
  const withAllUsers = read(`${SILENT_ARGS} /ALLUSERS`, HEADER)
  return knowledgeOf('inno', {
    complete: true,
    scope: scopeOf(settings),
    warnings: warningsOf(fields, header.formatText, offsets.data === 0),
    facts: {
      ...withoutEmpty({
        name: read(cleanText(literalText(fields.text('AppName')), 200), HEADER),
        version: read(version, HEADER),
        publisher: read(cleanText(literalText(fields.text('AppPublisher')), 200), HEADER),
        uninstall: usual(uninstallCommandOf(fields), HEADER),
      }),
      ...(arch ? { arch: arch === 'any' ? guess(arch, HEADER) : read(arch, HEADER) } : {}),
      install_args: needsAllUsersSwitch ? withAllUsers : args,
      success_exit_codes: codes,
      ...(rule ? rulesFor(rule, version, HEADER) : {}),
    },
  })
}
