/**
 * The desktop app's life cycle: one instance, one controller, one window. The parts are in
 * desktop/.
 */
import { randomBytes } from 'node:crypto'
import { url as inspectorUrl } from 'node:inspector'
import { join } from 'node:path'
import { app, dialog, safeStorage } from 'electron'
import { systemClock } from '#shared/node/clock.ts'
import { logWarnings } from '#shared/node/output.ts'
import { APP_ORIGIN } from './desktop/app-files.ts'
import { registerAppScheme } from './desktop/app-protocol.ts'
import { openDesktop } from './desktop/desktop.ts'
import { refusedSwitch } from './desktop/debug-switches.ts'
import { createKeystore } from './desktop/keystore.ts'
import { createLog } from './desktop/log-file.ts'
import { HIDDEN_SWITCH } from './desktop/login-item.ts'
import type { Recover } from './controller/compose/index.ts'
import { t } from './desktop/texts.ts'
import {
  explainFailure,
  readSettings,
  RECOVER_SWITCH,
  startOnFreePorts,
  recoveryChoices,
} from './desktop/start-up.ts'

/** The identity that Windows shows notifications under; the same as in the package. */
const APP_ID = 'io.deployx.console'

function print(line: string): void {
  process.stderr.write(`deployx: ${line}\n`)
}

let hasGivenUp = false

/** Reports a fatal start-up error on stderr and in a dialog; only the first one is shown. */
function giveUp(error: unknown, hubPort: number, unattended: boolean): void {
  if (hasGivenUp) return
  hasGivenUp = true
  const { title, text } = explainFailure(error, hubPort)
  print(text)
  const exit = (): void => app.exit(1)
  if (unattended) return exit()
  if (!app.isReady()) {
    dialog.showErrorBox(title, text)
    return exit()
  }
  // Not the blocking kind: a signal must still end the app while the dialog is open.
  const choices = recoveryChoices(error)
  dialog
    .showMessageBox({
      type: 'error',
      title: 'DeployX',
      message: title,
      detail: text,
      buttons: choices.length > 0 ? [t('quit'), ...choices.map(({ label }) => label)] : [],
      defaultId: 0,
      cancelId: 0,
      noLink: true,
    })
    .then(({ response }) => {
      const choice = choices[response - 1]
      if (choice) startAgain(choice.recover)
      exit()
    }, exit)
}

/** Restarts the app with the user's decision. */
function startAgain(recover: Recover): void {
  const switches = Object.values(RECOVER_SWITCH).map((name) => `--${name}`)
  const args = process.argv.slice(1).filter((arg) => !switches.includes(arg))
  app.relaunch({ args: [...args, `--${RECOVER_SWITCH[recover]}`] })
}

const askedToRecover = (): Recover | null =>
  (['start_over', 'accept_older'] as const).find((recover) =>
    app.commandLine.hasSwitch(RECOVER_SWITCH[recover]),
  ) ?? null

async function main(): Promise<void> {
  const settings = readSettings(process.env, app.getPath('userData'))
  const log = createLog(join(app.getPath('userData'), 'logs', 'deployx.log'), settings.logLevel)
  logWarnings(log)
  const fail = (error: unknown): void => {
    log.fatal({ err: error }, 'the app ends')
    giveUp(error, settings.hubPort, settings.unattended)
  }
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was rejected'))

  await app.whenReady()
  const appRoot = app.getAppPath()
  // For the first account: other users of this computer can reach the console's port, but not the
  // window.
  const setupCode = randomBytes(24).toString('base64url')
  // The window loads while the controller, by far the larger part, is loaded and started.
  const controller = import('./controller/compose/index.ts').then(({ startController }) =>
    startOnFreePorts(startController, {
      dataDir: settings.dataDir,
      migrationsDir: join(appRoot, 'main', 'controller', 'store', 'migrations'),
      workersDir: join(appRoot, 'out', 'main', 'workers'),
      rendererDir: join(appRoot, 'out', 'renderer'),
      agentsDir: app.isPackaged
        ? join(process.resourcesPath, 'agents')
        : join(appRoot, 'dist', 'agent'),
      version: app.getVersion(),
      hubPort: settings.hubPort,
      consolePort: settings.consolePort,
      allowedOrigins: [APP_ORIGIN],
      keystore: createKeystore(safeStorage),
      recover: askedToRecover(),
      setupCode,
      onRestored: () => desktop.restart(),
      log,
    }),
  )
  const desktop = openDesktop({
    appRoot,
    controller,
    setupCode,
    unattended: settings.unattended,
    log,
    clock: systemClock,
  })
  try {
    const hidden = app.commandLine.hasSwitch(HIDDEN_SWITCH)
    await desktop.controllerIsUp(await controller, hidden)
  } catch (error) {
    fail(error)
  }
}

const refused = refusedSwitch({
  isPackaged: app.isPackaged,
  isInspected: inspectorUrl() !== undefined,
  hasSwitch: (name) => app.commandLine.hasSwitch(name),
})
registerAppScheme()
app.setAppUserModelId(APP_ID)
if (refused !== null) {
  print(`DeployX does not start with --${refused}.`)
  app.exit(2)
} else if (app.requestSingleInstanceLock()) {
  main().catch((error: unknown) => giveUp(error, 0, process.env['DEPLOYX_UNATTENDED'] === '1'))
} else {
  print('DeployX is already running; its window comes to the front.')
  app.exit(0)
}
