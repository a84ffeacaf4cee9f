/** What an installer finds in its environment: nothing of the agent's own, and always the same. */
import { homedir } from 'node:os'
import type { DeployPayload } from '#shared/contract/agent-link.ts'
import { CLEAN_PATH } from '../lib/run-command.ts'

/** Windows programs find their folders through these. */
const WINDOWS_KEPT = [
  'SystemRoot',
  'windir',
  'SystemDrive',
  'Path',
  'PATHEXT',
  'ComSpec',
  'TEMP',
  'TMP',
  'ProgramData',
  'ProgramFiles',
  'ProgramFiles(x86)',
  'ProgramW6432',
  'CommonProgramFiles',
  'CommonProgramFiles(x86)',
  'CommonProgramW6432',
  'ALLUSERSPROFILE',
  'PUBLIC',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
  'NUMBER_OF_PROCESSORS',
  'PROCESSOR_ARCHITECTURE',
]

function homeOrRoot(): string {
  try {
    return homedir()
  } catch {
    return '/'
  }
}

/** The same for everything that is run here on behalf of a person. */
export const cleanEnvironment = (): Record<string, string> =>
  process.platform === 'win32'
    ? Object.fromEntries(
        WINDOWS_KEPT.flatMap((key) => (process.env[key] ? [[key, process.env[key]]] : [])),
      )
    : { PATH: CLEAN_PATH, HOME: homeOrRoot(), LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' }

export const installerEnvironment = (
  payload: DeployPayload,
  further: Record<string, string> = {},
): Record<string, string> => ({
  ...cleanEnvironment(),
  ...further,
  DEPLOYX_DEPLOYMENT_ID: String(payload.deployment_id),
  DEPLOYX_TARGET_ID: String(payload.target_id),
  DEPLOYX_ATTEMPT: String(payload.attempt),
  DEPLOYX_ATTEMPT_ID: payload.attempt_id,
})
