import { devicePlatform } from '../facts/facts.ts'
import { AgentFailure } from '../lib/failure.ts'
import type { Installers } from './installers.ts'
import { createLinuxInstallers } from './linux/linux.ts'
import { createMacosInstallers } from './macos/macos.ts'
import { createWindowsInstallers } from './windows/windows.ts'

/**
 * @param installRoot a folder that is installed into instead of the PC, or null
 * @throws AgentFailure where this platform has no such folder
 */
export function createInstallers(installRoot: string | null): Installers {
  const platform = devicePlatform()
  if (platform === 'linux')
    return createLinuxInstallers({ installRoot, isRoot: process.getuid?.() === 0 })
  if (installRoot !== null) throw new AgentFailure('--install-root is possible on Linux only.', 2)
  return platform === 'windows' ? createWindowsInstallers() : createMacosInstallers()
}
