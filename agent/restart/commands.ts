/** How each platform is told to restart, and not to after all. Pure: programs and their arguments, never a shell. */
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { systemTool } from '../lib/system-tool.ts'

export type ToolCall = { file: string; args: string[] }

const NAME_LIMIT = 60

/** What every console, message box and terminal shows as it is: printable ASCII, without what quotes or expands. */
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
 * Windows closes what is still open when the time is up (`/f` is implied by a time above 0).
 * `p:4:2`: planned, application, installation. systemd and BSD count in minutes.
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

/** A scheduled restart of macOS is a waiting process; ending that is how it is called off (shutdown(8)). */
export function callOffCall(platform: DevicePlatform): ToolCall {
  switch (platform) {
    case 'windows':
      return { file: systemTool('shutdown.exe'), args: ['/a'] }
    case 'linux':
      return { file: 'shutdown', args: ['-c'] }
    case 'macos':
      return { file: '/usr/bin/killall', args: ['-u', 'root', 'shutdown'] }
  }
}

/** ERROR_SHUTDOWN_IS_SCHEDULED: another restart waits there already. */
export const isScheduledAlready = (platform: DevicePlatform, code: number | null): boolean =>
  platform === 'windows' && code === 1190

/** Nothing was scheduled: ERROR_NO_SHUTDOWN_IN_PROGRESS, and killall that found no process. */
export const isNothingToCallOff = (platform: DevicePlatform, code: number | null): boolean =>
  (platform === 'windows' && code === 1116) || (platform === 'macos' && code === 1)
