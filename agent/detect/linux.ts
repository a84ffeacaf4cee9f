/** Detection on Linux: dpkg, rpm and files. */
import { debStates } from '../install/linux/deb.ts'
import type { ReadOnlyRule, Presence } from '../install/installers.ts'
import { runCommand } from '../lib/run-command.ts'
import { detectFile } from './file.ts'
import { compareDeb, compareRpm } from '#shared/domain/versions.ts'

type PackageRule = Extract<ReadOnlyRule, { type: 'dpkg' | 'rpm' }>
export type InstalledPackage = { name: string; arch: string; version: string }

const INDEPENDENT = ['all', 'noarch']
/** rpm has several names for the same 32-bit architecture. */
const family = (arch: string): string => (/^i[3-6]86$/.test(arch) ? 'i386' : arch)
const isArch = (installed: string, wanted: string | undefined): boolean =>
  wanted === undefined || INDEPENDENT.includes(installed) || family(installed) === family(wanted)

/** Whether one of the installed packages is the requested one. Pure. */
export function presenceAmong(
  installed: readonly InstalledPackage[],
  { arch, version, operator }: PackageRule,
  compare: (a: string, b: string) => number,
): Presence {
  const fits = installed.some((one) => {
    if (!isArch(one.arch, arch)) return false
    if (!version) return true
    const order = compare(one.version, version)
    return operator === 'eq' ? order === 0 : order >= 0
  })
  return fits ? 'present' : 'absent'
}

async function detectDeb(rule: PackageRule, root: string | null): Promise<Presence> {
  const states = await debStates(rule.name, root)
  if (states === null) return 'unknown'
  const installed = states.filter(({ status }) => status === 'installed')
  return presenceAmong(
    installed.map((state) => ({ ...state, name: rule.name })),
    rule,
    compareDeb,
  )
}

/** rpm(8): a name, never an option or a pattern. Case-sensitive. */
export const RPM_NAME = /^[A-Za-z0-9_][A-Za-z0-9+._~^-]*$/

const RPM_FORMAT = '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n'

/**
 * Output of `rpm -q` in RPM_FORMAT. `foo-1` also matches version 1 of foo, so other names are filtered out.
 */
export const parseRpmPackages = (text: string, name: string): InstalledPackage[] =>
  text.split('\n').flatMap((line) => {
    const [found, arch = '', version = ''] = line.split('\t')
    if (found === undefined || (found !== name && `${found}.${arch}` !== name)) return []
    return [{ name: found, arch, version }]
  })

/** The packages that rpm has under this name; null if rpm cannot be queried. */
export async function rpmPackages(
  name: string,
  root: string | null,
): Promise<InstalledPackage[] | null> {
  if (!RPM_NAME.test(name)) return null
  const where = root === null ? [] : ['--root', root]
  const result = await runCommand('rpm', [...where, '-q', '--qf', RPM_FORMAT, name])
  if (result.code === 0) return parseRpmPackages(result.stdout, name)
  return !result.missing && /is not installed/.test(result.stdout + result.stderr) ? [] : null
}

/** The name for removing one of the installed packages, with its architecture if there are several. */
export async function rpmRemovalName(
  { name, arch }: { name: string; arch?: string | undefined },
  root: string | null,
): Promise<string> {
  if (arch === undefined) return name
  const installed = (await rpmPackages(name, root)) ?? []
  const meant = installed.find((one) => isArch(one.arch, arch))
  return installed.length > 1 && meant ? `${name}.${meant.arch}` : name
}

async function detectRpm(rule: PackageRule, root: string | null): Promise<Presence> {
  const installed = await rpmPackages(rule.name, root)
  return installed === null ? 'unknown' : presenceAmong(installed, rule, compareRpm)
}

/** Returns unknown for a rule of another platform. */
export async function detectOnLinux(
  rule: ReadOnlyRule,
  installRoot: string | null,
): Promise<Presence> {
  switch (rule.type) {
    case 'dpkg':
      return detectDeb(rule, installRoot)
    case 'rpm':
      return detectRpm(rule, installRoot)
    case 'file':
      return detectFile(rule, installRoot)
    case 'pkgutil':
    case 'msi_product':
    case 'uninstall_entry':
    case 'uninstall_key':
    case 'upgrade_code':
    case 'registry_value':
    case 'msix':
      return 'unknown'
  }
}
