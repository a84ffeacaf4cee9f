/**
 * What a restart needs from this PC: permission, its boot id, its clock, and the programs that perform it.
 */
import { existsSync } from 'node:fs'
import type { RestartAbility } from '#shared/contract/agent/restart.ts'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import type { Clock } from '#shared/node/clock.ts'
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
async function whyNot(installRoot: string | null): Promise<CodedText | null> {
  if (installRoot !== null) return coded('cannot_restart_from_folder', {})
  if (!isSingleExecutable()) return coded('cannot_restart_from_sources', {})
  if (!(await isAdministrator())) return coded('cannot_restart_without_rights', {})
  // With other init systems, `shutdown` stays in the foreground and would end with the agent.
  if (process.platform === 'linux' && !existsSync('/run/systemd/system'))
    return coded('cannot_restart_without_systemd', {})
  return null
}

const impossible = (text: CodedText): RestartAbility => ({
  possible: false,
  why: compose(text),
  code: text.code,
  params: text.params,
})

/** @param installRoot a folder that the agent installs into instead of this PC */
export const systemRestartTools = (
  installRoot: string | null,
  clock: Pick<Clock, 'uptimeSeconds'>,
): RestartTools => ({
  platform: devicePlatform(),
  uptimeSeconds: clock.uptimeSeconds,
  run: ({ file, args }) => runCommand(file, args, COMMAND_TIMEOUT_MS),
  async ability() {
    const why = await whyNot(installRoot)
    if (why !== null) return impossible(why)
    const boot_id = await readBootId()
    return boot_id === null
      ? impossible(coded('cannot_restart_boot_unknown', {}))
      : { possible: true, boot_id }
  },
})
