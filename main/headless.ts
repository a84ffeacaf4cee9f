/** The controller without a window: the same console in a browser. See `--help`. */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { AppError } from '#shared/contract/errors.ts'
import { CONSOLE_PORT, HUB_PORT } from '#shared/domain/defaults.ts'
import { createStderrLog, ignoreOutputErrors, logWarnings } from '#shared/node/output.ts'
import { startController, type Controller } from './controller/compose/index.ts'

const HELP = `DeployX controller without a window; the console opens in a browser.

Usage: npm run serve -- [options]

  --data DIR           data folder (default: DEPLOYX_DATA, else ${defaultDataDir()})
  --host H             address of the hub for agents (default: all interfaces)
  --hub-port N         port of the hub, TLS (default: ${HUB_PORT}; 0 = any free port)
  --console-host H     address of the console (default: 127.0.0.1)
  --console-name NAME  an additional DNS name of the console (repeatable); names other than these and this
                       computer's own are refused
  --console-plain-http serve the console to other computers over plain HTTP too, not HTTPS
  --setup-code         the first account needs a code: "setup_code" in the first line of output
  --console-port N     port of the console (default: ${CONSOLE_PORT}; 0 = any free port)
  --allow-private-fetch  allow package downloads from any address, including this computer's own
  --start-over         after a refusal: move everything in the data folder aside and start with an empty one
  --accept-older-database  after a refusal: continue with a database that lost its latest changes
  --no-discovery       do not advertise the hub on the LAN (mDNS)
  --check              check the data folder, also beside a running controller: reads only, changes nothing
  --json               first line of output as JSON: {"console", "hub", "fingerprint", …}; with --check: {"ok", "findings"}
  --help, --version

Exit code: 0 success, 1 failure or findings of --check, 2 usage error.
Environment: DEPLOYX_DATA, DEPLOYX_LOG_LEVEL (trace, debug, info, warn, error, silent).
`
const SHUTDOWN_LIMIT_MS = 10_000

function defaultDataDir(): string {
  if (process.platform === 'win32')
    return join(process.env['LOCALAPPDATA'] ?? homedir(), 'DeployX', 'data')
  if (process.platform === 'darwin')
    return join(homedir(), 'Library', 'Application Support', 'DeployX', 'data')
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'deployx', 'data')
}

/** The root of the project or package: sources and bundle are at different depths below it. */
function findRoot(from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  const up = dirname(from)
  if (up === from) throw new Error('package.json was not found')
  return findRoot(up)
}

/** 100 bits, easy to copy: four groups of five, without letters that look alike. */
function makeSetupCode(): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
  const code = [...randomBytes(20)].map((byte) => letters[byte % letters.length]).join('')
  return code.replace(/(.{5})(?=.)/g, '$1-')
}

class UsageError extends Error {}

function port(text: string | undefined, option: string, fallback: number): number {
  if (text === undefined) return fallback
  const n = Number(text)
  if (!/^\d+$/.test(text) || n > 65_535)
    throw new UsageError(`${option} takes a port from 0 to 65535, not "${text}"`)
  return n
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        data: { type: 'string' },
        host: { type: 'string' },
        'hub-port': { type: 'string' },
        'console-host': { type: 'string' },
        'console-port': { type: 'string' },
        'console-name': { type: 'string', multiple: true },
        'console-plain-http': { type: 'boolean' },
        'setup-code': { type: 'boolean' },
        'allow-private-fetch': { type: 'boolean' },
        'no-discovery': { type: 'boolean' },
        'start-over': { type: 'boolean' },
        // Its former name.
        'start-anew': { type: 'boolean' },
        'accept-older-database': { type: 'boolean' },
        check: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
    return {
      ...values,
      hubPort: port(values['hub-port'], '--hub-port', HUB_PORT),
      consolePort: port(values['console-port'], '--console-port', CONSOLE_PORT),
      dataDir: values.data ?? process.env['DEPLOYX_DATA'] ?? defaultDataDir(),
    }
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError((error as Error).message.split('\n')[0])
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  const root = findRoot(import.meta.dirname)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  if (options.help) return void process.stdout.write(HELP)
  if (options.version) return void process.stdout.write(`${version}\n`)

  if (options.check) {
    const { checkCommand } = await import('./check-command.ts')
    process.exitCode = await checkCommand({
      dataDir: options.dataDir,
      root,
      hubPort: options.hubPort,
      hubHost: options.host,
      json: options.json ?? false,
    })
    return
  }

  const rendererDir = join(root, 'out', 'renderer')
  const setupCode = options['setup-code'] ? makeSetupCode() : null
  const log = pino({ level: process.env['DEPLOYX_LOG_LEVEL'] ?? 'info' }, createStderrLog())
  logWarnings(log)
  const start = (ports: { hubPort: number; consolePort: number }): Promise<Controller> =>
    startController({
      ...ports,
      onRestored: () => void startAnew(),
      dataDir: options.dataDir,
      migrationsDir: join(root, 'main', 'controller', 'store', 'migrations'),
      workersDir: import.meta.filename.endsWith('.ts')
        ? null
        : join(import.meta.dirname, 'workers'),
      rendererDir: existsSync(rendererDir) ? rendererDir : null,
      agentsDir: join(root, 'dist', 'agent'),
      version,
      hubHost: options.host,
      consoleHost: options['console-host'],
      consoleNames: options['console-name'] ?? [],
      consolePlainHttp: options['console-plain-http'] ?? false,
      setupCode,
      allowedOrigins: [],
      recover:
        (options['start-over'] ?? options['start-anew'])
          ? 'start_over'
          : options['accept-older-database']
            ? 'accept_older'
            : null,
      discovery: !options['no-discovery'],
      allowPrivateFetch: options['allow-private-fetch'] ?? false,
      log,
    })
  let controller: Controller | null = null
  let stopping = false
  /** Stops cleanly, and ends the process in any case. */
  function end(code: 0 | 1): void {
    if (stopping) return
    stopping = true
    process.exitCode = code
    setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref()
    Promise.resolve(controller?.stop()).then(
      () => process.exit(code),
      (error: unknown) => {
        log.error({ err: error }, 'the controller did not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'the controller cannot continue')
    end(1)
  })
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'a promise was rejected'))
  controller = await start(options)

  /**
   * A recovery file was restored: the same process continues as the restored controller, at the
   * same addresses.
   */
  async function startAnew(): Promise<void> {
    if (!controller) return
    const portOf = (url: string): number => Number(new URL(url).port)
    const ports = { hubPort: portOf(controller.hubUrl), consolePort: portOf(controller.consoleUrl) }
    try {
      await controller.stop()
      controller = await start(ports)
    } catch (error) {
      log.fatal({ err: error }, 'the controller could not be restarted')
      process.exit(1)
    }
  }

  process.on('SIGTERM', () => end(0))
  process.on('SIGINT', () => end(0))

  if (controller.isConsoleOpenToRead)
    process.stderr.write(
      'deployx: warning: the console is served over plain HTTP. Anyone on the network can read passwords and deployments.\n',
    )
  process.stdout.write(
    options.json
      ? JSON.stringify({
          console: controller.consoleUrl,
          hub: controller.hubUrl,
          fingerprint: controller.fingerprint,
          ...(controller.consoleFingerprint && {
            console_fingerprint: controller.consoleFingerprint,
          }),
          ...(setupCode && { setup_code: setupCode }),
        }) + '\n'
      : `Console  ${controller.consoleUrl}\n${
          controller.consoleFingerprint ? `  key    ${controller.consoleFingerprint}\n` : ''
        }Hub      ${controller.hubUrl}\nKey      ${controller.fingerprint}\nData     ${controller.dataDir}\n${
          setupCode ? `Setup    ${setupCode}\n` : ''
        }Ctrl+C stops it.\n`,
    (error) => error && log.error({ err: error }, 'the addresses could not be printed'),
  )
}

ignoreOutputErrors()

main().catch((error: unknown) => {
  const usage = error instanceof UsageError
  const known = usage || error instanceof AppError
  process.stderr.write(
    known
      ? `deployx: ${error.message}${error instanceof AppError ? ` (${error.code})` : ''}\n`
      : `deployx: ${(error as Error).stack ?? String(error)}\n`,
  )
  process.exit(usage ? 2 : 1)
})
