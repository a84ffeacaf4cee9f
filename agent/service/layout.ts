/** The agent's paths on a PC when it is a service, and the service definition. Pure. */
import { posix, win32 } from 'node:path'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'

/**
 * Set to 1 in the environment of the agent by a start script or service host that rolls back failed updates.
 */
export const UPDATE_GUARD = 'DEPLOYX_UPDATE_GUARD'

export type Layout = {
  /** The service's name in the service manager. */
  service: string
  /** Folder of the executable; only administrators may write there. */
  folder: string
  executable: string
  /** Identity and journal; only administrators may read it. */
  state: string
  /** Windows: the service host next to the executable. */
  host: string | null
  /** Elsewhere: the script that starts the executable (start-script.ts). */
  startScript: string | null
  /** Null: the service manager keeps the log (systemd's journal). */
  logFile: string | null
  /** The service definition for the manager, or for the service host (Windows). */
  descriptionFile: string
}

export function layoutOf(platform: DevicePlatform, env: NodeJS.ProcessEnv): Layout {
  switch (platform) {
    case 'linux':
      return {
        service: 'deployx-agent',
        folder: '/opt/deployx-agent',
        executable: '/opt/deployx-agent/deployx-agent',
        state: '/var/lib/deployx-agent',
        host: null,
        startScript: '/opt/deployx-agent/start.sh',
        logFile: null,
        descriptionFile: '/etc/systemd/system/deployx-agent.service',
      }
    case 'macos': {
      const state = '/Library/Application Support/DeployX/agent'
      const folder = '/Library/Application Support/DeployX/bin'
      return {
        service: 'io.deployx.agent',
        folder,
        executable: posix.join(folder, 'deployx-agent'),
        state,
        host: null,
        startScript: posix.join(folder, 'start.sh'),
        logFile: posix.join(state, 'agent.log'),
        descriptionFile: '/Library/LaunchDaemons/io.deployx.agent.plist',
      }
    }
    case 'windows': {
      const programs = env['ProgramW6432'] ?? env['ProgramFiles'] ?? 'C:\\Program Files'
      const folder = win32.join(programs, 'DeployX Agent')
      const data = env['ProgramData'] ?? 'C:\\ProgramData'
      const state = win32.join(data, 'DeployX', 'agent')
      return {
        service: 'DeployXAgent',
        folder,
        executable: win32.join(folder, 'deployx-agent.exe'),
        state,
        host: win32.join(folder, 'deployx-agent-service.exe'),
        startScript: null,
        logFile: win32.join(state, 'agent.log'),
        descriptionFile: win32.join(folder, 'deployx-service.txt'),
      }
    }
  }
}

/** The command line of the program that the service keeps running. */
export const serviceWords = (layout: Layout): string[] => [
  ...(layout.startScript === null ? [layout.executable] : ['/bin/sh', layout.startScript]),
  'run',
  '--state',
  layout.state,
  ...(layout.logFile === null ? [] : ['--log-file', layout.logFile]),
]

/**
 * systemd.service(5): restarts whatever ends it, without a limit, except after a usage error (2). A stop ends
 * the agent only: a running installer has its own supervisor and continues.
 */
export const systemdUnit = (layout: Layout): string => `[Unit]
Description=DeployX agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=${serviceWords(layout).join(' ')}
Restart=always
RestartSec=5
RestartPreventExitStatus=2
StateDirectory=deployx-agent
StateDirectoryMode=0700
UMask=0077
KillMode=process
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
`

const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** launchd.plist(5). */
export const launchdPlist = (layout: Layout): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${xml(layout.service)}</string>
  <key>ProgramArguments</key>
  <array>
${serviceWords(layout)
  .map((word) => `    <string>${xml(word)}</string>`)
  .join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>10</integer>
  <key>AbandonProcessGroup</key>
  <true/>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
`

/** The command line that the Windows service host runs. */
export const hostCommandLine = (layout: Layout): string =>
  `${serviceWords(layout).map(quoteArgument).join(' ')}\n`
