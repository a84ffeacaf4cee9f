/**
 * The commands that schedule and cancel a restart on each platform. Pure: programs and their arguments, never
 * a shell.
 */
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { systemTool } from '../lib/system-tool.ts'

export type ToolCall = { file: string; args: string[] }

const NAME_LIMIT = 60

/**
 * What every console, message box and terminal shows unchanged: printable ASCII without characters that quote
 * or expand.
 */
const plain = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\x20-\x7e]+/g, '?')
    .replaceAll(/["'`$%\\!^&|<>*;]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, NAME_LIMIT)
    .trim()

/** For the people at the PC: who, why and when. */
export function noticeText(deploymentName: string, minutes: number): string {
  const when = minutes === 1 ? '1 minute' : `${minutes} minutes`
  const name = plain(deploymentName)
  const why = name === '' ? 'newly installed software' : `the installation (${name})`
  return `DeployX restarts this PC in ${when} to complete ${why}. Please save your work.`
}

/**
 * Windows closes all open programs when the time is up (a time above 0 implies `/f`). `p:4:2`: planned,
 * application, installation. systemd and BSD count in minutes.
 */
export function restartCall(
  platform: DevicePlatform,
  delaySeconds: number,
  text: string,
): ToolCall {
  const minutes = `+${Math.ceil(delaySeconds / 60)}`
  switch (platform) {
    case 'windows':
      return {
        file: systemTool('shutdown.exe'),
        args: ['/r', '/t', String(delaySeconds), '/c', text, '/d', 'p:4:2'],
      }
    case 'linux':
      return { file: 'shutdown', args: ['-r', minutes, text] }
    case 'macos':
      return { file: '/sbin/shutdown', args: ['-r', minutes, text] }
  }
}

/** On macOS a scheduled restart is a waiting process; killing it cancels the restart (shutdown(8)). */
export function withdrawCall(platform: DevicePlatform): ToolCall {
  switch (platform) {
    case 'windows':
      return { file: systemTool('shutdown.exe'), args: ['/a'] }
    case 'linux':
      return { file: 'shutdown', args: ['-c'] }
    case 'macos':
      return { file: '/usr/bin/killall', args: ['-u', 'root', 'shutdown'] }
  }
}

/** ERROR_SHUTDOWN_IS_SCHEDULED: another restart is already scheduled. */
export const isAlreadyScheduled = (platform: DevicePlatform, code: number | null): boolean =>
  platform === 'windows' && code === 1190

/** Nothing was scheduled: ERROR_NO_SHUTDOWN_IN_PROGRESS, or killall found no process. */
export const isNothingToWithdraw = (platform: DevicePlatform, code: number | null): boolean =>
  (platform === 'windows' && code === 1116) || (platform === 'macos' && code === 1)
