/** Installers on Windows: msi, exe, PowerShell and batch files. */
import { join } from 'node:path'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { productEntries, productFits } from '../../detect/uninstall-entries.ts'
import { detectOnWindows } from '../../detect/windows.ts'
import { ARCHIVE_KINDS, type PlatformInstallers } from '../installers.ts'
import { normalizeScriptFile } from '../script-text.ts'
import { windowsCommand } from './commands.ts'
import { readMsiLog } from './msi-log.ts'
import { windowsRemoveCommand } from './remove.ts'

const msiLogOf = (folder: string): string => join(folder, 'msi.log')

/**
 * Properties for a small update: otherwise an installed product with the same code is refused as "another
 * version" (1638).
 */
const SMALL_UPDATE = ['REINSTALL=ALL', 'REINSTALLMODE=vomus']

/** The payload as it is run: an older build of the same product is updated. */
async function overOlderBuild(payload: DeployPayload): Promise<DeployPayload> {
  const { kind, action, detection, argv } = payload
  if (kind !== 'msi' || action !== 'install' || detection?.type !== 'msi_product') return payload
  if (argv.some((argument) => /^REINSTALL(MODE)?=/i.test(argument))) return payload
  const installed = (await productEntries(detection.product_code)) ?? []
  const isOlder = installed.length > 0 && !installed.some((one) => productFits(one, detection))
  return isOlder ? { ...payload, argv: [...argv, ...SMALL_UPDATE] } : payload
}

export const createWindowsInstallers = (): PlatformInstallers => ({
  kinds: ['msi', 'msp', 'msu', 'msix', 'exe', 'ps1', 'cmd', ...ARCHIVE_KINDS],
  async prepare({ payload, packageFile, folder }) {
    if (packageFile === null) return windowsRemoveCommand(payload, msiLogOf(folder))
    const { kind } = payload
    if (kind === 'cmd' || kind === 'ps1') await normalizeScriptFile(packageFile, kind)
    return windowsCommand(await overOlderBuild(payload), packageFile, msiLogOf(folder))
  },
  // Windows Installer rolls back by itself.
  repair: async () => undefined,
  async explain({ folder }, appendOutput) {
    for (const line of await readMsiLog(msiLogOf(folder)))
      appendOutput(`Windows Installer: ${line}`)
  },
  detect: detectOnWindows,
})
