/** Installers on Windows: msi, exe, PowerShell and batch files. */
import { join } from 'node:path'
import { detectOnWindows } from '../../detect/windows.ts'
import { ARCHIVE_KINDS, type PlatformInstallers } from '../installers.ts'
import { windowsCommand } from './commands.ts'
import { readMsiLog } from './msi-log.ts'
import { windowsRemoveCommand } from './remove.ts'

const msiLogOf = (folder: string): string => join(folder, 'msi.log')

export const createWindowsInstallers = (): PlatformInstallers => ({
  kinds: ['msi', 'exe', 'ps1', 'cmd', ...ARCHIVE_KINDS],
  prepare: async ({ payload, packageFile, folder }) =>
    packageFile === null
      ? windowsRemoveCommand(payload, msiLogOf(folder))
      : windowsCommand(payload, packageFile, msiLogOf(folder)),
  // Windows Installer rolls back by itself.
  repair: async () => undefined,
  async explain({ folder }, say) {
    for (const line of await readMsiLog(msiLogOf(folder))) say(`Windows Installer: ${line}`)
  },
  detect: detectOnWindows,
})
