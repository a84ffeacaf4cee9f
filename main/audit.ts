/**
 * Verifies the audit log of a data folder, even beside a running controller, or an export of it.
 * Read-only. See `--help`.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commandKeys } from './controller/slices/identity/index.ts'
import {
  keyFingerprint,
  NotAnExport,
  proveExport,
  proveLog,
} from './controller/slices/audit/index.ts'

const HELP = `Verifies that nobody changed the audit log.

Usage: npm run audit -- --data DIR [--key FILE] [--json]
       npm run audit -- --file EXPORT [--key FILE] [--json]

  --data DIR   data folder of the controller
  --file FILE  an export of the log, as CSV or as JSON Lines: needs neither the controller nor its data
  --key FILE   public key (PEM) of the command-signing key, kept elsewhere; default: those in the folder, or
               in a JSON Lines export. A CSV export contains none: without a key, signatures are not checked
  --json       print the report as JSON

Exit code: 0 intact, 1 not intact, 2 wrong usage.
`

function wrongUsage(message: string): never {
  process.stderr.write(`audit: ${message}\n`)
  process.exit(2)
}
function readOptions() {
  try {
    return parseArgs({
      options: {
        data: { type: 'string' },
        file: { type: 'string' },
        key: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    return wrongUsage((error as Error).message)
  }
}

const options = readOptions()
if (options.help) {
  process.stdout.write(HELP)
  process.exit(0)
}

/** Text of a file. A missing file is wrong usage. */
function read(file: string): string {
  if (!existsSync(file)) wrongUsage(`${file} does not exist`)
  return readFileSync(file, 'utf8')
}
function readKey(file: string): KeyObject {
  try {
    return createPublicKey(read(file))
  } catch {
    return wrongUsage(`${file} holds no key`)
  }
}
function proveFile(file: string) {
  try {
    return proveExport(read(file), options.key === undefined ? null : [readKey(options.key)])
  } catch (error) {
    if (!(error instanceof NotAnExport)) throw error
    process.stdout.write(`${error.message}\nThe export could not be verified.\n`)
    process.exit(1)
  }
}
function proveFolder(dir: string) {
  const file = join(dir, 'deployx.db')
  for (const needed of [file, options.key ?? join(dir, 'keys', 'command-signing.pub')])
    if (!existsSync(needed)) wrongUsage(`${needed} does not exist`)
  const keys = options.key === undefined ? commandKeys(dir) : [readKey(options.key)]
  const [present] = keys
  return {
    ...proveLog(file, keys),
    signaturesChecked: true,
    keyFingerprint: present ? keyFingerprint(present) : null,
  }
}

if ((options.data === undefined) === (options.file === undefined))
  wrongUsage('give either --data or --file; see --help')
const report = options.file === undefined ? proveFolder(options.data!) : proveFile(options.file)
const { entries, unchained, signedEnds, signedUpTo, problems, problemCount } = report
const whole = problemCount === 0
const signatures = !report.signaturesChecked
  ? ', signatures not checked (give the key with --key)'
  : signedEnds > 0
    ? `, signed by the key ${report.keyFingerprint}`
    : ''
if (options.json) process.stdout.write(`${JSON.stringify({ whole, ...report })}\n`)
else {
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  if (problemCount > problems.length)
    process.stdout.write(`… and ${problemCount - problems.length} more\n`)
  process.stdout.write(
    `${whole ? 'The audit log is intact' : 'The audit log is NOT intact'}: ${entries} entries` +
      `${unchained > 0 ? `, ${unchained} of them from a version without hash chain` : ''}, ${signedEnds} signed ends` +
      `${signedUpTo === null ? '' : `, the last over entry ${signedUpTo}`}${signatures}.\n`,
  )
}
process.exitCode = whole ? 0 : 1
