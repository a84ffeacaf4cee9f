/** Proves the audit trail of a data folder, also while a controller is using it: it reads and writes nothing. `--help` tells more. */
import { createPublicKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { proveTrail } from './controller/audit/index.ts'
import { commandKeys } from './controller/identity/index.ts'

const HELP = `Proves that nobody changed the audit trail.

Usage: npm run audit -- --data DIR [--key FILE] [--json]

  --data DIR   data folder of the controller
  --key FILE   public key (PEM) of the command-signing key, kept elsewhere; default: the ones in the folder
  --json       print the report as JSON

Exit code: 0 it is whole, 1 it is not, 2 wrong usage.
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
if (!options.data) wrongUsage('--data is missing; --help tells more')
const file = join(options.data, 'deployx.db')
const keyFile = options.key ?? join(options.data, 'keys', 'command-signing.pub')
for (const needed of [file, keyFile])
  if (!existsSync(needed)) wrongUsage(`${needed} does not exist`)

const keys = options.key ? [createPublicKey(readFileSync(keyFile))] : commandKeys(options.data)
const report = proveTrail(file, keys)
const { entries, unchained, signedEnds, signedUpTo, problems } = report
if (options.json)
  process.stdout.write(`${JSON.stringify({ whole: problems.length === 0, ...report })}\n`)
else {
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  process.stdout.write(
    `${problems.length === 0 ? 'The audit trail is whole' : 'The audit trail is NOT whole'}: ${entries} entries` +
      `${unchained > 0 ? `, ${unchained} of them from a version that did not chain them` : ''}, ${signedEnds} signed ends` +
      `${signedUpTo === null ? '' : `, the last over entry ${signedUpTo}`}.\n`,
  )
}
process.exitCode = problems.length === 0 ? 0 : 1
