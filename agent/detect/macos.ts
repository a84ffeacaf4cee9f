/** Detection on macOS: installer receipts and files. */
import type { ReadOnlyRule, Presence } from '../install/installers.ts'
import { runCommand } from '../lib/run-command.ts'
import { detectFile } from './file.ts'
import { compareDotted } from '#shared/domain/versions.ts'

/** The version in the output of `pkgutil --pkg-info ID` (pkgutil(1)). */
export const parsePkgVersion = (text: string): string | null =>
  /^version: *(\S+)/m.exec(text)?.[1] ?? null

/** Returns unknown for a rule of another platform. */
export async function detectOnMacos(rule: ReadOnlyRule): Promise<Presence> {
  switch (rule.type) {
    case 'pkgutil': {
      if (rule.name.startsWith('-')) return 'unknown'
      const result = await runCommand('/usr/sbin/pkgutil', ['--pkg-info', rule.name])
      if (result.code === null) return 'unknown'
      if (result.code !== 0) return 'absent'
      if (!rule.version) return 'present'
      const installed = parsePkgVersion(result.stdout)
      if (installed === null) return 'unknown'
      const order = compareDotted(installed, rule.version)
      return (rule.operator === 'eq' ? order === 0 : order >= 0) ? 'present' : 'absent'
    }
    case 'file':
      return detectFile(rule, null)
    case 'dpkg':
    case 'rpm':
    case 'msi_product':
    case 'uninstall_entry':
    case 'uninstall_key':
    case 'upgrade_code':
    case 'registry_value':
    case 'msix':
      return 'unknown'
  }
}
