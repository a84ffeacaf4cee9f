/** `serve --check`: the full check of a data folder, for users and scripts. */
import { join } from 'node:path'
import { reportOf, type CheckReport } from '#shared/contract/rest/check.ts'
import { checkFolder, lanAddresses } from './controller/slices/check/index.ts'

const MARKS = { error: 'Error  ', warning: 'Warning', info: 'Note   ' } as const

function inWords({ findings }: CheckReport, dataDir: string): string {
  if (findings.length === 0) return `No problems found in ${dataDir}.\n`
  return findings
    .map(
      ({ severity, text, cure, code }) =>
        `${MARKS[severity]}  ${text} (${code})\n         ${cure}\n`,
    )
    .join('')
}

/** @returns the exit code: 0 no findings, 1 findings */
export async function checkCommand(options: {
  dataDir: string
  root: string
  hubPort: number
  hubHost: string | undefined
  json: boolean
}): Promise<number> {
  const { dataDir, root } = options
  const findings = await checkFolder(
    {
      dataDir,
      migrationsDir: join(root, 'main', 'controller', 'store', 'migrations'),
      vaultKey: null,
      addresses: lanAddresses(options.hubPort, options.hubHost),
    },
    () => undefined,
    new AbortController().signal,
  )
  const report = reportOf(findings)
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : inWords(report, dataDir))
  return report.ok ? 0 : 1
}
