/** NSIS installers: what the script registers, and whether it can run silently (nsis.sourceforge.io/Docs, chapters 3 and 4). */
import type {
  InstallerKnowledge,
  InstallerScope,
  InstallerWarning,
} from '#shared/contract/rest/installer-knowledge.ts'
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
import { resourceFacts } from '../plain.ts'
import type { Program } from '../program.ts'
import { findFirstHeader, matchesChecksum, unpackScript } from './header.ts'
import { scanWrites, simulateRun, type Outcome, type RegistryWrite } from './run.ts'
import { readScript, type Script } from './script.ts'

const UNINSTALL_KEY = /^Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\([^\\]+)$/i
const CURRENT_USER = 0x80000001
const LOCAL_MACHINE = 0x80000002
const SCRIPT = 'installer script'
/** Archives in which electron-builder packs a program, one per architecture. */
const PACKED_APP = /(?:^|\\)app-(32|64|arm64)\.(?:7z|zip)$/i
const SILENT_MODE_DISABLED =
  'The installer turns silent mode off, so it may show windows and wait. Try it on one PC first.'
const CHECKSUM_DIFFERS =
  'This file is damaged, or was changed after it was built: its checksum does not match, so the installer refuses to run. Download it again from its publisher.'

/** An uninstall key and its values, by their names in lower case. */
type UninstallEntry = {
  key: string
  hive: 'machine' | 'user'
  is64Bit: boolean
  values: Map<string, RegistryWrite>
}

function uninstallEntriesIn(writes: readonly RegistryWrite[]): UninstallEntry[] {
  const found = new Map<string, UninstallEntry>()
  for (const write of writes) {
    const key = UNINSTALL_KEY.exec(write.key)?.[1]
    if (key === undefined || key.includes('\ufffd')) continue
    const isPerUser =
      write.root === CURRENT_USER || (write.root !== LOCAL_MACHINE && !write.isForAllUsers)
    const hive = isPerUser ? 'user' : 'machine'
    const id = `${hive} ${key.toLowerCase()}`
    const entry = found.get(id) ?? { key, hive, is64Bit: write.is64Bit, values: new Map() }
    if (write.isKnown) entry.values.set(write.name.toLowerCase(), write)
    found.set(id, entry)
  }
  return [...found.values()]
}

/** The product's uninstall entry. Undefined: there is none, or there are several keys and it is unclear which is the product's. */
function productEntry(writes: readonly RegistryWrite[]): UninstallEntry | undefined {
  const entries = uninstallEntriesIn(writes)
  const named = entries.filter(
    ({ values }) => values.has('displayname') || values.has('uninstallstring'),
  )
  const candidates = named.length > 0 ? named : entries
  return new Set(candidates.map(({ key }) => key.toLowerCase())).size === 1
    ? candidates[0]
    : undefined
}

/** Any architecture unless something shows that it is 64-bit, because a 32-bit program runs on every PC. */
function archOf(
  script: Script,
  outcome: Outcome,
  entry: UninstallEntry | undefined,
): { arch: InstallerArch; why: string } {
  const packed = new Set(outcome.files.map((file) => PACKED_APP.exec(file)?.[1]?.toLowerCase()))
  packed.delete(undefined)
  if (packed.size > 1) return { arch: 'any', why: 'packed programs for several architectures' }
  if (packed.has('64')) return { arch: 'x64', why: 'packed program app-64' }
  if (packed.has('arm64')) return { arch: 'arm64', why: 'packed program app-arm64' }
  if (script.is64Bit) return { arch: 'x64', why: 'script header' }
  if (entry?.is64Bit) return { arch: 'x64', why: 'it registers a 64-bit program' }
  if (outcome.installDir.startsWith('%ProgramW6432%'))
    return { arch: 'x64', why: 'it installs into the folder for 64-bit programs' }
  return { arch: 'any', why: 'nothing in it requires a 64-bit PC' }
}

/** The silent uninstall command that the entry registers. Empty: none. */
function uninstallCommand(entry: UninstallEntry | undefined): string {
  const quiet = entry?.values.get('quietuninstallstring')?.value
  if (quiet) return quiet
  const line = entry?.values.get('uninstallstring')?.value.trim()
  if (!line) return ''
  return line.startsWith('"') ? `${line} /S` : `"${line}" /S`
}

function warningsOf(outcome: Outcome, scope: InstallerScope | null): InstallerWarning[] {
  const warnings: InstallerWarning[] = []
  if (outcome.disablesSilentMode) warnings.push(warning('may_wait', SILENT_MODE_DISABLED))
  const [question] = outcome.questions
  if (question !== undefined)
    warnings.push(
      warning(
        'may_wait',
        `The installer may ask a question even when it runs silently, and wait for the answer: “${cleanText(question, 200)}”. Try it on one PC first.`,
      ),
    )
  if (scope === 'user')
    warnings.push(
      warning(
        'per_user',
        'This installer installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses. Look for an installer for the whole PC.',
      ),
    )
  return warnings
}

const uninstallKeyRule = ({ key, hive }: UninstallEntry) =>
  ({ type: 'uninstall_key', key: key.slice(0, 255), hive, operator: 'ge' }) as const

/** Null: not made with NSIS. @throws AppError E_PACKAGE_UNREADABLE when it is cut off, or an uninstaller */
export function readNsis(program: Program): InstallerKnowledge | null {
  const header = findFirstHeader(program)
  if (!header) return null
  if (header.isUninstaller)
    throw unreadable('it is an uninstaller made by NSIS: it removes a program and installs nothing')
  const args = header.isSilent
    ? read('/S', 'it never shows a window')
    : usual('/S', 'NSIS; the switch is case-sensitive')
  const bytes = unpackScript(program, header)
  const complete = matchesChecksum(program, header) !== false
  const tampered = complete ? [] : [warning('tampered', CHECKSUM_DIFFERS)]
  const script = bytes && readScript(bytes)
  if (!script)
    return knowledgeOf('nsis', { complete, warnings: tampered, facts: { install_args: args } })

  const outcome = simulateRun(script)
  // electron-builder's portable target: it runs the program and installs nothing.
  if (script.containsText('PORTABLE_EXECUTABLE_DIR'))
    return knowledgeOf('nsis', { is_installer: false, complete, warnings: tampered })
  const entry = productEntry(outcome.writes) ?? productEntry(scanWrites(script))
  const value = (name: string, maxLength: number): string =>
    cleanText(entry?.values.get(name)?.value ?? '', maxLength)
  const version = value('displayversion', 100)
  const scope = entry ? entry.hive : null
  const { arch, why } = archOf(script, outcome, entry)
  // A translated name depends on the language of the PC; that in the version resource does not.
  const prefersResource = Boolean(
    entry?.values.get('displayname')?.isTranslated && resourceFacts(program).name,
  )
  const isPrintableKey = /^[^\0-\x1f\ufffd]+$/.test(entry?.key ?? '')
  return knowledgeOf('nsis', {
    complete,
    scope,
    warnings: [...tampered, ...warningsOf(outcome, scope)],
    facts: {
      ...withoutEmpty({
        name: read(prefersResource ? '' : value('displayname', 200), SCRIPT),
        version: read(version, SCRIPT),
        publisher: read(value('publisher', 200), SCRIPT),
        uninstall: read(cleanText(uninstallCommand(entry), 1_000), SCRIPT),
      }),
      arch: arch === 'any' ? guess(arch, why) : read(arch, why),
      install_args: args,
      ...(entry && isPrintableKey ? rulesFor(uninstallKeyRule(entry), version, SCRIPT) : {}),
    },
  })
}
