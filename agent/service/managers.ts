/** systemd, launchd and the Windows service manager, as far as one service needs them. */
import { systemClock } from '#shared/node/clock.ts'
import { AgentFailure } from '../lib/failure.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'
import { hostCommandLine, launchdPlist, systemdUnit, type Layout } from './layout.ts'

const COMMAND_TIMEOUT_MS = 60_000
const STOP_LIMIT_MS = 30_000
const POLL_MS = 250
/** learn.microsoft.com/windows/win32/debug/system-error-codes */
const ALREADY_RUNNING = 1056
const WINDOWS_RESTARTS = 'restart/5000/restart/60000/restart/300000'

export type Manager = {
  /** The text of `descriptionFile`. */
  description: string
  /** Stops it if it runs, and waits for that. */
  stop: () => Promise<void>
  /** Registers it, starts it now and at every boot. May be called again. */
  start: () => Promise<void>
  /** Unregisters it. Its files are not touched. */
  unregister: () => Promise<void>
}

async function must(what: string, file: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await runCommand(file, args, COMMAND_TIMEOUT_MS)
  if (code !== 0)
    throw new AgentFailure(
      `${what} failed (${file} ${args[0] ?? ''}: ${(stderr.trim() || stdout.trim()).slice(0, 500) || `exit code ${code}`}).`,
    )
}

export function createSystemd(layout: Layout): Manager {
  const unit = `${layout.service}.service`
  const reload = () => must('Reading the service', 'systemctl', ['daemon-reload'])
  return {
    description: systemdUnit(layout),
    stop: async () => void (await runCommand('systemctl', ['stop', unit], COMMAND_TIMEOUT_MS)),
    async start() {
      await reload()
      await must('Enabling the service', 'systemctl', ['enable', unit])
      await must('Starting the service', 'systemctl', ['restart', unit])
    },
    async unregister() {
      await runCommand('systemctl', ['disable', unit], COMMAND_TIMEOUT_MS)
    },
  }
}

export function createLaunchd(layout: Layout): Manager {
  const target = `system/${layout.service}`
  const out = () => runCommand('/bin/launchctl', ['bootout', target], COMMAND_TIMEOUT_MS)
  return {
    description: launchdPlist(layout),
    stop: async () => void (await out()),
    start: () =>
      must('Starting the service', '/bin/launchctl', [
        'bootstrap',
        'system',
        layout.descriptionFile,
      ]),
    unregister: async () => undefined,
  }
}

/** The state (1 stopped, 4 running) in the output of `sc query`, in any language; null if there is none. */
export const parseServiceState = (text: string): number | null => {
  const digit = /^[ \t]+[^:\n]+:[ \t]+([1-7])[ \t]+[A-Z_]+/m.exec(text)?.[1]
  return digit === undefined ? null : Number(digit)
}

export function createServiceControl(layout: Layout): Manager {
  const { service, host } = layout
  const sc = (...args: string[]) => runCommand(systemTool('sc.exe'), args, COMMAND_TIMEOUT_MS)
  const state = async () => {
    const { code, stdout } = await sc('query', service)
    return code === 0 ? parseServiceState(stdout) : null
  }
  async function stop(): Promise<void> {
    if ((await state()) === null) return
    await sc('stop', service)
    for (let waitedMs = 0; waitedMs < STOP_LIMIT_MS; waitedMs += POLL_MS) {
      const now = await state()
      if (now === null || now === 1) return
      await systemClock.sleep(POLL_MS)
    }
    throw new AgentFailure('The service does not stop. Restart this PC, then try again.')
  }
  return {
    description: hostCommandLine(layout),
    stop,
    async start() {
      if ((await state()) === null)
        await must('Registering the service', systemTool('sc.exe'), [
          'create',
          service,
          'binPath=',
          `"${host}" service ${service}`,
          'start=',
          'auto',
          'DisplayName=',
          'DeployX agent',
        ])
      // Optional settings, which an older system may lack: the host itself restarts the agent.
      await sc('description', service, 'Installs software on this PC for the DeployX controller.')
      await sc('failure', service, 'reset=', '86400', 'actions=', WINDOWS_RESTARTS)
      await sc('failureflag', service, '1')
      const { code, stdout } = await sc('start', service)
      if (code !== 0 && code !== ALREADY_RUNNING)
        throw new AgentFailure(`Starting the service failed (${stdout.trim().slice(0, 500)}).`)
    },
    async unregister() {
      if ((await state()) !== null)
        await must('Removing the service', systemTool('sc.exe'), ['delete', service])
    },
  }
}
