/**
 * What a restart needs from this PC: permission, its boot id, its clock, and the programs that perform it.
 */
import { existsSync } from 'node:fs'
import { uptime } from 'node:os'
import type { RestartAbility } from '#shared/contract/agent/restart.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { devicePlatform } from '../facts/facts.ts'
import { runCommand, type CommandResult } from '../lib/run-command.ts'
import { isSingleExecutable } from '../lib/self.ts'
import { windowsHelper } from '../lib/windows-helper.ts'
import { readBootId } from './boot.ts'
import type { ToolCall } from './commands.ts'

/** Well below the time for which the hub waits for an answer. */
const COMMAND_TIMEOUT_MS = 7_000

export type RestartTools = {
  platform: DevicePlatform
  /** Determined once. Never rejects. */
  ability: () => Promise<RestartAbility>
  uptimeSeconds: () => number
  /** Never rejects. */
  run: (call: ToolCall) => Promise<CommandResult>
}

async function isAdministrator(): Promise<boolean> {
  if (process.platform !== 'win32') return process.getuid?.() === 0
  const helper = windowsHelper()
  return helper !== null && (await runCommand(helper, ['elevated'])).code === 0
}

/**
 * Why this agent cannot restart the PC, or null. An agent in a trial run must never restart the PC it runs
 * on.
 */
async function whyNot(installRoot: string | null): Promise<string | null> {
  if (installRoot !== null)
    return 'Its agent installs into a folder (--install-root) and restarts nothing.'
  if (!isSingleExecutable())
    return 'Its agent runs from its sources and restarts nothing. Install the packaged agent.'
  if (!(await isAdministrator()))
    return 'Its agent runs without administrator rights. Install it as a service.'
  // With other init systems, `shutdown` stays in the foreground and would end with the agent.
  if (process.platform === 'linux' && !existsSync('/run/systemd/system'))
    return 'It does not run systemd, which the agent needs to restart a PC.'
  return null
}

/** @param installRoot a folder that the agent installs into instead of this PC */
export const systemRestartTools = (installRoot: string | null): RestartTools => ({
  platform: devicePlatform(),
  uptimeSeconds: uptime,
  run: ({ file, args }) => runCommand(file, args, COMMAND_TIMEOUT_MS),
  async ability() {
    const why = await whyNot(installRoot)
    if (why !== null) return { possible: false, why }
    const boot_id = await readBootId()
    return boot_id === null
      ? { possible: false, why: 'This PC cannot distinguish one boot from the next.' }
      : { possible: true, boot_id }
  },
})
