/** Installed packages on Linux: dpkg and rpm. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { InstalledSoftware } from '#shared/domain/inventory.ts'
import { adminDirOf, findProgram } from '../../install/linux/deb.ts'
import { ask, timeOf } from '../reading.ts'

const DPKG_FORMAT =
  '${db:Status-Status}\\t${Package}\\t${Architecture}\\t${Version}\\t${Maintainer}\\n'
const RPM_FORMAT =
  '%{NAME}\\t%{EPOCHNUM}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{INSTALLTIME}\\t%{VENDOR}\\n'

/** `Jane Doe <jane@example.org>` without the address. */
function withoutAddress(maintainer: string): string | null {
  const text = maintainer.trim()
  const end = text.endsWith('>') ? text.length - 1 : text.length
  const from = text.indexOf('<', text.lastIndexOf('>', end - 1) + 1)
  return (from < 0 ? text : text.slice(0, from).trim()) || null
}

/**
 * Output of dpkg-query in DPKG_FORMAT (dpkg-query(1)); a removed package whose configuration remains is not
 * installed.
 */
export const parseDpkg = (text: string): InstalledSoftware[] =>
  text.split('\n').flatMap((line) => {
    const [status, name, arch, version, maintainer = ''] = line.split('\t')
    if (status !== 'installed' || !name) return []
    return [
      {
        key: `dpkg:${name}:${arch}`,
        source: 'dpkg' as const,
        name,
        version: version || null,
        publisher: withoutAddress(maintainer),
        installed_on: null,
      },
    ]
  })

/** Output of rpm in RPM_FORMAT (rpm(8)). Excludes signing keys, which rpm lists like packages. */
export const parseRpm = (text: string): InstalledSoftware[] =>
  text.split('\n').flatMap((line) => {
    const [name, epoch, version, release, arch, time, vendor] = line.split('\t')
    if (!name || !version || name === 'gpg-pubkey') return []
    const full = `${epoch && epoch !== '0' ? `${epoch}:` : ''}${version}-${release}`
    return [
      {
        // Several versions of one package (a kernel) can be installed at the same time.
        key: `rpm:${name}-${full}.${arch}`,
        source: 'rpm' as const,
        name,
        version: full,
        publisher: vendor && vendor !== '(none)' ? vendor : null,
        installed_on: timeOf(Number(time))?.slice(0, 10) ?? null,
      },
    ]
  })

/**
 * @param installRoot read the packages in this folder instead of those of the PC @returns null if an
 * installed tool did not answer
 */
export async function linuxSoftware(
  installRoot: string | null,
): Promise<InstalledSoftware[] | null> {
  const hasDebs = installRoot === null || existsSync(adminDirOf(installRoot))
  const hasRpms = installRoot === null || existsSync(join(installRoot, 'var/lib/rpm'))
  const admin = installRoot === null ? [] : [`--admindir=${adminDirOf(installRoot)}`]
  const root = installRoot === null ? [] : ['--root', installRoot]
  const found: InstalledSoftware[] = []
  const tools = [
    hasDebs && {
      name: 'dpkg-query',
      args: [...admin, '-W', `--showformat=${DPKG_FORMAT}`],
      parse: parseDpkg,
    },
    hasRpms && { name: 'rpm', args: [...root, '-qa', '--qf', RPM_FORMAT], parse: parseRpm },
  ]
  for (const tool of tools) {
    const program = tool && findProgram(tool.name)
    if (!tool || !program) continue
    const output = await ask(program, tool.args)
    if (output === null) return null
    found.push(...tool.parse(output))
  }
  return found
}
