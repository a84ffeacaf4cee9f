/** Commands to run on a PC to see why its agent does not connect. The paths are those of the agent's service. */
import type { DevicePlatform } from '#shared/domain/platforms.ts'

export const AGENT_STATUS_COMMAND: Record<DevicePlatform, string> = {
  windows:
    '& "$env:ProgramFiles\\DeployX Agent\\deployx-agent.exe" status --state "$env:ProgramData\\DeployX\\agent"',
  linux: 'sudo /opt/deployx-agent/deployx-agent status --state /var/lib/deployx-agent',
  macos:
    "sudo '/Library/Application Support/DeployX/bin/deployx-agent' status --state '/Library/Application Support/DeployX/agent'",
}
