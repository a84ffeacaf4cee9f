/** Detection on Linux: dpkg, rpm and files. */
import { debStates } from '../install/linux/deb.ts'
import type { LookingRule, Presence } from '../install/installers.ts'
import { runCommand } from '../lib/run-command.ts'
import { detectFile } from './file.ts'
import { compareRpm } from './versions.ts'

type Wanted = { version?: string | undefined; operator: 'eq' | 'ge' }

async function detectDeb(name: string, wanted: Wanted, root: string | null): Promise<Presence> {
  const states = await debStates(name, root)
  if (states === null) return 'unknown'
  for (const { version } of states.filter((state) => state.status === 'installed')) {
    if (!wanted.version) return 'present'
    // dpkg's own order of versions (deb-version(7)), asked of dpkg itself.
    const args = ['--compare-versions', version, wanted.operator, wanted.version]
    const compared = await runCommand('dpkg', args)
    if (compared.code === 0) return 'present'
    if (compared.code !== 1) return 'unknown'
  }
  return 'absent'
}

/** rpm(8): a name, never an option or a pattern. */
export const RPM_NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/

async function detectRpm(name: string, wanted: Wanted, root: string | null): Promise<Presence> {
  if (!RPM_NAME.test(name)) return 'unknown'
  const where = root === null ? [] : ['--root', root]
  const format = '%{EPOCH}:%{VERSION}-%{RELEASE}\\n'
  const result = await runCommand('rpm', [...where, '-q', '--qf', format, name])
  if (result.missing) return 'unknown'
  if (result.code !== 0)
    return /is not installed/.test(result.stdout + result.stderr) ? 'absent' : 'unknown'
  const { version, operator } = wanted
  if (!version) return 'present'
  const fits = result.stdout
    .split('\n')
    .filter(Boolean)
    .some((installed) => {
      const order = compareRpm(installed, version)
      return operator === 'eq' ? order === 0 : order >= 0
    })
  return fits ? 'present' : 'absent'
}

/** A rule of another platform cannot be answered here. */
export async function detectOnLinux(
  rule: LookingRule,
  installRoot: string | null,
): Promise<Presence> {
  switch (rule.type) {
    case 'dpkg':
      return detectDeb(rule.name, rule, installRoot)
    case 'rpm':
      return detectRpm(rule.name, rule, installRoot)
    case 'file':
      return detectFile(rule, installRoot)
    case 'pkgutil':
    case 'msi_product':
    case 'uninstall_entry':
      return 'unknown'
  }
}
