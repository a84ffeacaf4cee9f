/** Reads the environment, starts the controller on free ports, and explains why it cannot start. */
import { join } from 'node:path'
import { AppError } from '#shared/contract/errors.ts'
import { CONSOLE_PORT, HUB_PORT } from '#shared/domain/defaults.ts'
import type { Controller, ControllerOptions, Recover } from '../controller/compose/index.ts'
import { t } from './texts.ts'

export type DesktopSettings = {
  dataDir: string
  hubPort: number
  consolePort: number
  logLevel: string
  /** No user is present (tests): open no dialog that would wait for a click. */
  unattended: boolean
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/**
 * @param userDataDir the app's folder for this user
 * @throws AppError E_VALIDATION with one line that names the variable
 */
export function readSettings(env: NodeJS.ProcessEnv, userDataDir: string): DesktopSettings {
  const logLevel = env['DEPLOYX_LOG_LEVEL'] || 'info'
  if (!LOG_LEVELS.includes(logLevel))
    throw new AppError('E_VALIDATION', `DEPLOYX_LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}.`)
  return {
    dataDir: env['DEPLOYX_DATA'] || join(userDataDir, 'data'),
    hubPort: port(env, 'DEPLOYX_HUB_PORT', HUB_PORT),
    consolePort: port(env, 'DEPLOYX_CONSOLE_PORT', CONSOLE_PORT),
    logLevel,
    unattended: env['DEPLOYX_UNATTENDED'] === '1',
  }
}

function port(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const text = env[name]
  if (!text) return fallback
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new AppError('E_VALIDATION', `${name} takes a port from 0 to 65535, not "${text}".`)
  return Number(text)
}

const isPortTaken = (error: unknown): boolean =>
  error instanceof AppError && error.code === 'E_PORT_IN_USE'

/**
 * Starts the controller. Only this computer's window uses the console's port, so any other will do
 * if it is taken; every agent knows the hub's port, so it stays.
 */
export async function startOnFreePorts(
  start: (options: ControllerOptions) => Promise<Controller>,
  options: ControllerOptions,
): Promise<Controller> {
  try {
    return await start(options)
  } catch (error) {
    if (!isPortTaken(error) || options.consolePort === 0) throw error
    options.log.warn(
      { port: options.consolePort },
      'a port is taken: trying a free one for the console',
    )
    return await start({ ...options, consolePort: 0 })
  }
}

/** What the user can choose instead of quitting. */
export type RecoveryChoice = { recover: Recover; label: string }
const START_OVER: RecoveryChoice = { recover: 'start_over', label: t('start.over') }
const ACCEPT_OLDER: RecoveryChoice = { recover: 'accept_older', label: t('start.withOlderData') }

/** The choices after a refusal; none unless the data folder is at fault. */
export function recoveryChoices(error: unknown): RecoveryChoice[] {
  if (!(error instanceof AppError)) return []
  switch (error.code) {
    case 'E_DATABASE_BEHIND':
      return [ACCEPT_OLDER, START_OVER]
    case 'E_DATA_INCOMPLETE':
    case 'E_DATABASE_CORRUPT':
    case 'E_KEYS_DAMAGED':
    case 'E_KEYS_SEALED':
      return [START_OVER]
    default:
      return []
  }
}

/** How the choice is passed to the next start of the app. */
export const RECOVER_SWITCH: Record<Recover, string> = {
  start_over: 'start-over',
  accept_older: 'accept-older-database',
}

/** Names the buttons instead of the command-line options. */
const forDialog = (message: string): string =>
  message
    .replaceAll('start with --start-over', t('start.choose', { choice: START_OVER.label }))
    .replaceAll(
      'start with --accept-older-database',
      t('start.choose', { choice: ACCEPT_OLDER.label }),
    )

/** Title and text for the user: what is wrong and what to do. */
export function explainFailure(error: unknown, hubPort: number): { title: string; text: string } {
  const title = t('start.failed')
  if (!(error instanceof AppError)) {
    const reason = error instanceof Error ? error.message : String(error)
    return { title, text: t('start.unexpected', { reason }) }
  }
  const isTaken = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
  if (error.code === 'E_PORT_IN_USE' && isTaken)
    return { title, text: t('start.portTaken', { port: hubPort }) }
  return { title, text: forDialog(error.message) }
}
