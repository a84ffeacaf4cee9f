/**
 * A controller as a separate process, for tests that stop it or set its clock: run-controller.ts
 * DATA_DIR OPTIONS_AS_JSON
 */
import pino from 'pino'
import { startController, type ControllerOptions } from '../compose/index.ts'
import { MIGRATIONS_DIR } from './paths.ts'

const [dataDir = '', options = '{}'] = process.argv.slice(2)
const controller = await startController({
  dataDir,
  migrationsDir: MIGRATIONS_DIR,
  workersDir: null,
  rendererDir: null,
  version: '0.0.0-test',
  hubHost: '127.0.0.1',
  hubPort: 0,
  consolePort: 0,
  allowedOrigins: [],
  discovery: false,
  log: pino({ level: process.env['DEPLOYX_LOG_LEVEL'] ?? 'warn' }, pino.destination(2)),
  ...(JSON.parse(options) as Pick<ControllerOptions, 'timings'>),
})
process.on('SIGTERM', () => void controller.stop().then(() => process.exit(0)))
process.stdout.write(
  `${JSON.stringify({ console: controller.consoleUrl, hub: controller.hubUrl })}\n`,
)
