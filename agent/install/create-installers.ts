import { devicePlatform } from '../facts/facts.ts'
import { AgentFailure } from '../lib/failure.ts'
import { DETECTION_SCRIPT_TIMEOUT_MS } from '#shared/contract/detection.ts'
import { detectByScript } from '../detect/script.ts'
import type { Installers, PlatformInstallers } from './installers.ts'
import { createLinuxInstallers } from './linux/linux.ts'
import { createMacosInstallers } from './macos/macos.ts'
import { createWindowsInstallers } from './windows/windows.ts'

function ofThisPlatform(installRoot: string | null): PlatformInstallers {
  const platform = devicePlatform()
  if (platform === 'linux')
    return createLinuxInstallers({ installRoot, isRoot: process.getuid?.() === 0 })
  if (installRoot !== null) throw new AgentFailure('--install-root is possible on Linux only.', 2)
  return platform === 'windows' ? createWindowsInstallers() : createMacosInstallers()
}

/**
 * @param options.installRoot a folder to install into instead of the PC, or null @param options.scratchDir a
 * private folder of the agent, for detection scripts @throws AgentFailure if this platform does not support
 * an install root
 */
export function createInstallers(options: {
  installRoot: string | null
  scratchDir: string
}): Installers {
  const installers = ofThisPlatform(options.installRoot)
  return {
    ...installers,
    detect: (rule, timeoutMs = DETECTION_SCRIPT_TIMEOUT_MS) =>
      rule.type === 'script'
        ? detectByScript(rule, { ...options, timeoutMs })
        : installers.detect(rule),
  }
}
