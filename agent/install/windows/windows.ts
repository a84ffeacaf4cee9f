/** Installers on Windows: msi, exe, PowerShell and batch files. */
import { detectOnWindows } from '../../detect/windows.ts'
import type { Installers } from '../installers.ts'
import { windowsCommand } from './commands.ts'

export const createWindowsInstallers = (): Installers => ({
  kinds: ['msi', 'exe', 'ps1', 'cmd'],
  needsPackage: ({ action }) => action === 'install',
  prepare: async ({ payload, packageFile }) => windowsCommand(payload, packageFile),
  // Windows Installer rolls back by itself.
  repair: async () => undefined,
  detect: detectOnWindows,
})
