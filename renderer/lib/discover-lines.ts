import type { DevicePlatform } from '#shared/domain/platforms.ts'

/** The line to run on a PC that is to be enrolled by comparing digits: it enrols, and then the agent runs. */
export const DISCOVER_LINES: Record<DevicePlatform, string> = {
  windows:
    'deployx-agent.exe discover --state "%ProgramData%\\DeployX\\agent" && deployx-agent.exe run --state "%ProgramData%\\DeployX\\agent"',
  linux:
    'sudo ./deployx-agent discover --state /var/lib/deployx-agent && sudo ./deployx-agent run --state /var/lib/deployx-agent',
  macos:
    'sudo ./deployx-agent discover --state "/Library/Application Support/DeployX/agent" && sudo ./deployx-agent run --state "/Library/Application Support/DeployX/agent"',
}
