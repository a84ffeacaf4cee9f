/** NSIS installers: what the script registers, and whether it can stay silent (nsis.sourceforge.io/Docs, chapters 3 and 4). */
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
import { findFirstHeader, isUnchanged, unpackScript } from './header.ts'
import { runScript, scan, type Outcome, type RegistryWrite } from './run.ts'
import { readScript, type Script } from './script.ts'

const UNINSTALL = /^Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\([^\\]+)$/i
const CURRENT_USER = 0x80000001
const LOCAL_MACHINE = 0x80000002
const SCRIPT = 'installer script'
/** Programs of electron-builder, one per architecture. */
const PACKED_APP = /(?:^|\\)app-(32|64|arm64)\.(?:7z|zip)$/i
const NO_SILENCE =
  'The installer turns its silent mode off, so it may show windows and wait. Try it on one PC first.'
const CHANGED =
  'This file is damaged, or was changed after it was built: its checksum differs, so it refuses to run. Download it again from its publisher.'

/** The values of one uninstall key. */
type Entry = {
  key: string
  hive: 'machine' | 'user'
  is64Bit: boolean
  values: Map<string, RegistryWrite>
}

function entriesIn(writes: readonly RegistryWrite[]): Entry[] {
  const found = new Map<string, Entry>()
  for (const write of writes) {
    const key = UNINSTALL.exec(write.key)?.[1]
    if (key === undefined || key.includes('\ufffd')) continue
    const isUsers =
      write.root === CURRENT_USER || (write.root !== LOCAL_MACHINE && !write.isForAllUsers)
    const hive = isUsers ? 'user' : 'machine'
    const id = `${hive} ${key.toLowerCase()}`
    const entry = found.get(id) ?? { key, hive, is64Bit: write.is64Bit, values: new Map() }
    if (write.isKnown) entry.values.set(write.name.toLowerCase(), write)
    found.set(id, entry)
  }
  return [...found.values()]
}

/** The product's own entry; undefined: none, or it is unclear which. */
function productEntry(writes: readonly RegistryWrite[]): Entry | undefined {
  const entries = entriesIn(writes)
  const named = entries.filter(
    ({ values }) => values.has('displayname') || values.has('uninstallstring'),
  )
  const choice = named.length > 0 ? named : entries
  return new Set(choice.map(({ key }) => key.toLowerCase())).size === 1 ? choice[0] : undefined
}

/** 32-bit programs that install nothing else run everywhere. */
function archOf(
  script: Script,
  outcome: Outcome,
  entry: Entry | undefined,
): { arch: InstallerArch; why: string } | null {
  const packed = new Set(outcome.files.map((file) => PACKED_APP.exec(file)?.[1]?.toLowerCase()))
  packed.delete(undefined)
  if (packed.size > 1) return { arch: 'any', why: 'packed programs for several architectures' }
  if (packed.has('64')) return { arch: 'x64', why: 'packed program app-64' }
  if (packed.has('arm64')) return { arch: 'arm64', why: 'packed program app-arm64' }
  if (script.is64Bit) return { arch: 'x64', why: 'program header' }
  if (entry?.is64Bit) return { arch: 'x64', why: 'it registers a 64-bit program' }
  if (outcome.installDir.startsWith('%ProgramW6432%'))
    return { arch: 'x64', why: 'its folder is the one of 64-bit programs' }
  return { arch: 'any', why: 'nothing in it needs a 64-bit PC' }
}

function uninstallCommand(entry: Entry | undefined): string {
  const quiet = entry?.values.get('quietuninstallstring')?.value
  if (quiet) return quiet
  const line = entry?.values.get('uninstallstring')?.value.trim()
  if (!line) return ''
  return line.startsWith('"') ? `${line} /S` : `"${line}" /S`
}

function warningsOf(outcome: Outcome, scope: InstallerScope | null): InstallerWarning[] {
  const warnings: InstallerWarning[] = []
  if (outcome.leavesSilentMode) warnings.push(warning('may_wait', NO_SILENCE))
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

const productOf = ({ key, hive }: Entry) =>
  ({ type: 'uninstall_key', key: key.slice(0, 255), hive, operator: 'ge' }) as const

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off, or an uninstaller */
export function readNsis(program: Program): InstallerKnowledge | null {
  const header = findFirstHeader(program)
  if (!header) return null
  if (header.isUninstaller)
    throw unreadable('it is an uninstaller, made by NSIS: it removes a program and installs none')
  const args = header.isSilent
    ? read('/S', 'it never shows a window')
    : usual('/S', 'NSIS; the switch is case-sensitive')
  const bytes = unpackScript(program, header)
  const complete = isUnchanged(program, header) !== false
  const changed = complete ? [] : [warning('tampered', CHANGED)]
  const script = bytes && readScript(bytes)
  if (!script)
    return knowledgeOf('nsis', { complete, warnings: changed, facts: { install_args: args } })

  const outcome = runScript(script)
  if (script.holds('PORTABLE_EXECUTABLE_DIR'))
    return knowledgeOf('nsis', { is_installer: false, complete, warnings: changed })
  const entry = productEntry(outcome.writes) ?? productEntry(scan(script))
  const value = (name: string, maxLength: number): string =>
    cleanText(entry?.values.get(name)?.value ?? '', maxLength)
  const version = value('displayversion', 100)
  const scope = entry ? entry.hive : null
  const found = archOf(script, outcome, entry)
  // A translated name differs from PC to PC, the version resource does not.
  const isVague = Boolean(
    entry?.values.get('displayname')?.isTranslated && resourceFacts(program).name,
  )
  const isClean = /^[^\0-\x1f\ufffd]+$/.test(entry?.key ?? '')
  return knowledgeOf('nsis', {
    complete,
    scope,
    warnings: [...changed, ...warningsOf(outcome, scope)],
    facts: {
      ...withoutEmpty({
        name: read(isVague ? '' : value('displayname', 200), SCRIPT),
        version: read(version, SCRIPT),
        publisher: read(value('publisher', 200), SCRIPT),
        uninstall: read(cleanText(uninstallCommand(entry), 1_000), SCRIPT),
      }),
      ...(found
        ? {
            arch: found.arch === 'any' ? guess(found.arch, found.why) : read(found.arch, found.why),
          }
        : {}),
      install_args: args,
      ...(entry && isClean ? rulesFor(productOf(entry), version, SCRIPT) : {}),
    },
  })
}
