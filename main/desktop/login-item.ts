/**
 * Opening at sign-in. Windows and macOS have a list for it; on Linux it is a file by the XDG
 * autostart specification.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { writeDurably } from '../lib/durable-file.ts'

/** Passed at sign-in: the hub starts, the window waits in the tray. */
export const HIDDEN_SWITCH = 'hidden'

/** The part of Electron's app that is used. */
export type LoginItems = {
  setLoginItemSettings: (settings: { openAtLogin: boolean; args: string[] }) => void
}

/**
 * @param command the program to start and its arguments
 */
export function setOpenAtLogin(
  wanted: boolean,
  deps: {
    app: LoginItems
    command: readonly string[]
    platform?: NodeJS.Platform
    env?: NodeJS.ProcessEnv
  },
): void {
  const { app, command, platform = process.platform, env = process.env } = deps
  if (platform !== 'linux') {
    return app.setLoginItemSettings({ openAtLogin: wanted, args: [`--${HIDDEN_SWITCH}`] })
  }
  const file = autostartFile(env)
  if (!wanted) return rmSync(file, { force: true })
  mkdirSync(dirname(file), { recursive: true })
  writeDurably(file, desktopEntry([...command, `--${HIDDEN_SWITCH}`]))
}

/**
 * https://specifications.freedesktop.org/autostart-spec: relative paths in the variable are
 * ignored.
 */
export function autostartFile(env: NodeJS.ProcessEnv): string {
  const config = env['XDG_CONFIG_HOME']
  const base = config && isAbsolute(config) ? config : join(env['HOME'] ?? '/', '.config')
  return join(base, 'autostart', 'deployx.desktop')
}

/** Arguments quoted by the rules of the Exec key (https://specifications.freedesktop.org/desktop-entry-spec, "Exec"). */
export function desktopEntry(command: readonly string[]): string {
  const quoted = command.map(
    (part) =>
      `"${part
        .replace(/["`$\\]/g, '\\$&')
        .replaceAll('\\', '\\\\')
        .replaceAll('%', '%%')}"`,
  )
  return `[Desktop Entry]\nType=Application\nName=DeployX\nExec=${quoted.join(' ')}\nTerminal=false\n`
}
