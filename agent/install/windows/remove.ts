/** Uninstalls software on Windows, using its registry entry. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { open } from 'node:fs/promises'
import { win32 } from 'node:path'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import {
  entriesOfKey,
  entryFits,
  uninstallEntries,
  type UninstallEntry,
} from '../../detect/uninstall-entries.ts'
import { expandPath } from '../../detect/windows.ts'
import type { Command } from '../../supervisor/files.ts'
import { impossible, type Prepared } from '../installers.ts'
import { msiRemoveCommand, ready } from './commands.ts'

/** The signature of NSIS in installers and uninstallers; it comes after a stub of about 100 KiB. */
const NSIS_MARK = Buffer.from('\xef\xbe\xad\xdeNullsoftInst', 'latin1')
const SEARCH_BYTES = 4 * 1024 * 1024

/**
 * Splits a command line from the registry: the program, and the rest unchanged. Null if the program cannot be
 * determined.
 */
export function splitCommandLine(line: string): { file: string; rest: string } | null {
  const text = line.trim()
  const isQuoted = text.startsWith('"')
  const end = isQuoted ? text.indexOf('"', 1) : text.search(/(?<=.)\.exe(?=\s|$)/is) + '.exe'.length
  const file = text.slice(isQuoted ? 1 : 0, Math.max(0, end))
  if (file === '' || (!isQuoted && end < '.exe'.length)) return null
  return { file, rest: text.slice(isQuoted ? end + 1 : end).trim() }
}

/** The product code of an entry created by Windows Installer, or null. */
export function productCodeOf(entry: Pick<UninstallEntry, 'key' | 'uninstall'>): string | null {
  const code = /\\(\{[0-9A-Fa-f-]{36}\})$/.exec(entry.key)?.[1]
  return code && /^\s*"?([^"]*\\)?msiexec(\.exe)?\b/i.test(entry.uninstall ?? '') ? code : null
}

async function isNsis(file: string): Promise<boolean> {
  const handle = await open(file, 'r').catch(() => null)
  if (!handle) return false
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SEARCH_BYTES), 0, SEARCH_BYTES, 0)
    return buffer.subarray(0, bytesRead).includes(NSIS_MARK)
  } finally {
    await handle.close()
  }
}

/**
 * Uninstallers that have to delete themselves continue as a copy and exit immediately, so wait for the whole
 * process tree.
 */
function uninstaller(line: string): Command | null {
  const parts = splitCommandLine(expandPath(line, process.env))
  if (!parts || !win32.isAbsolute(parts.file)) return null
  const args = parts.rest === '' ? [] : [parts.rest]
  return { file: parts.file, args, verbatim: true, wholeTree: true }
}

async function removeByEntry(entry: UninstallEntry, msiLog: string): Promise<Prepared> {
  const productCode = productCodeOf(entry)
  if (productCode) return ready(msiRemoveCommand(productCode, msiLog))
  if (entry.quietUninstall) {
    const command = uninstaller(entry.quietUninstall)
    if (command) return ready(command)
  }
  const command = entry.uninstall === null ? null : uninstaller(entry.uninstall)
  // NSIS has one silent switch, and its uninstallers rarely register it. For other programs, no switch is
  // guessed.
  if (command && (await isNsis(command.file)))
    return ready({ ...command, args: [...command.args, '/S'] })
  return impossible('install_failed', coded('no_quiet_uninstaller', {}))
}

/** The command that removes what the detection rule finds, or why there is none. */
export async function windowsRemoveCommand(
  { detection }: Pick<DeployPayload, 'detection'>,
  msiLog: string,
): Promise<Prepared> {
  if (detection?.type === 'msi_product')
    return ready(msiRemoveCommand(detection.product_code, msiLog))
  if (detection?.type !== 'uninstall_entry' && detection?.type !== 'uninstall_key')
    return impossible('install_failed', coded('windows_removal_needs_rule', {}))
  const entry =
    detection.type === 'uninstall_key'
      ? (await entriesOfKey(detection.key, detection.hive))?.[0]
      : (await uninstallEntries())?.find((one) => entryFits(one, detection))
  return entry
    ? removeByEntry(entry, msiLog)
    : impossible('install_failed', coded('registry_entry_missing', {}))
}
