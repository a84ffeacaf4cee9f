/**
 * Debian packages. On the PC with apt-get, which resolves dependencies, otherwise dpkg; in an install root
 * with dpkg.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#shared/node/clock.ts'
import { CLEAN_PATH } from '../../lib/environment.ts'
import { runCommand, type CommandResult } from '../../lib/run-command.ts'
import type { Before } from '../../journal/records.ts'
import type { Command } from '../../supervisor/files.ts'

/** Another program may be installing: how long apt-get waits for its lock. */
const LOCK_WAIT_SECONDS = 600
const REPAIR_TRIES = 10
const REPAIR_WAIT_MS = 3_000
const REPAIR_TIMEOUT_MS = 5 * 60_000
/** deb-control(5) and dpkg(1): a package's name, with its architecture if several are installed. */
export const DEB_NAME = /^[a-z0-9][a-z0-9+.-]*(:[a-z0-9-]+)?$/
/** Nobody can answer a question about a changed configuration file, so the PC's own one is kept. */
const KEEP_CONFIGURATION = ['--force-confdef', '--force-confold']

export const findProgram = (name: string): string | null =>
  CLEAN_PATH.split(':')
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file)) ?? null

export const adminDirOf = (installRoot: string): string => join(installRoot, 'var/lib/dpkg')

/** Runs dpkg on a folder as the folder's owner: nothing of the PC itself is read or changed. */
function rootOptions(installRoot: string): string[] {
  return [
    `--root=${installRoot}`,
    `--log=${join(installRoot, 'var/log/dpkg.log')}`,
    '--force-not-root',
    '--force-script-chrootless',
    '--force-depends',
  ]
}

/** Creates the folders that dpkg expects in a root. */
export function prepareRoot(installRoot: string): void {
  const admin = adminDirOf(installRoot)
  for (const folder of ['info', 'updates', 'triggers'])
    mkdirSync(join(admin, folder), { recursive: true })
  mkdirSync(join(installRoot, 'var/log'), { recursive: true })
  for (const file of ['status', 'available'])
    if (!existsSync(join(admin, file))) writeFileSync(join(admin, file), '')
}

/**
 * This attempt's own folder for archives. apt-get locks it even for a removal, and does not wait for
 * other programs that hold the lock of the PC's. Default: the PC's.
 */
type Archives = string
const archivesOption = (archives: Archives | undefined): string[] =>
  archives === undefined ? [] : ['-o', `Dir::Cache::archives=${archives}`]

export function debInstallCommand(options: {
  packageFile: string
  argv: readonly string[]
  installRoot: string | null
  hasApt: boolean
  archives?: Archives
  mayRemove?: boolean
}): Command {
  const { packageFile, argv, installRoot, hasApt, archives, mayRemove } = options
  if (installRoot !== null)
    return {
      file: 'dpkg',
      args: [...rootOptions(installRoot), ...KEEP_CONFIGURATION, ...argv, '-i', packageFile],
      verbatim: false,
    }
  if (!hasApt)
    return {
      file: 'dpkg',
      args: [...KEEP_CONFIGURATION, ...argv, '-i', packageFile],
      verbatim: false,
    }
  return {
    file: 'apt-get',
    args: [
      'install',
      '-y',
      '--no-install-recommends',
      '-o',
      `DPkg::Lock::Timeout=${LOCK_WAIT_SECONDS}`,
      '-o',
      'Dpkg::Use-Pty=0',
      // The package is in a folder that only this user may read.
      '-o',
      'APT::Sandbox::User=root',
      ...archivesOption(archives),
      // The PC may have changed since the simulation.
      ...(mayRemove ? ['--allow-downgrades'] : ['--no-remove']),
      ...KEEP_CONFIGURATION.flatMap((option) => ['-o', `Dpkg::Options::=${option}`]),
      ...argv,
      packageFile,
    ],
    verbatim: false,
  }
}

export function debRemoveCommand(options: {
  name: string
  argv: readonly string[]
  installRoot: string | null
  hasApt: boolean
  archives?: Archives
}): Command {
  const { name, argv, installRoot, hasApt, archives } = options
  if (installRoot === null && hasApt)
    return {
      file: 'apt-get',
      args: [
        'remove',
        '-y',
        '-o',
        `DPkg::Lock::Timeout=${LOCK_WAIT_SECONDS}`,
        '-o',
        'Dpkg::Use-Pty=0',
        ...archivesOption(archives),
        ...argv,
        name,
      ],
      verbatim: false,
    }
  const root = installRoot === null ? [] : rootOptions(installRoot)
  return { file: 'dpkg', args: [...root, ...argv, '-r', name], verbatim: false }
}

export type DebState = { status: string; arch: string; version: string }

/** Lines of `dpkg-query -W -f='${db:Status-Status} ${Architecture} ${Version}\n'`. */
export const parseDebStates = (text: string): DebState[] =>
  text.split('\n').flatMap((line) => {
    const [status, arch = '', version = ''] = line.split(' ')
    return status ? [{ status, arch, version }] : []
  })

/** dpkg uses lower-case names only, whatever a package calls itself. */
export const asDebName = (name: string): string | null => {
  const lower = name.toLowerCase()
  return DEB_NAME.test(lower) ? lower : null
}

/** dpkg's entries for a package, one per architecture; null if dpkg cannot be queried. */
export async function debStates(
  name: string,
  installRoot: string | null,
): Promise<DebState[] | null> {
  const known = asDebName(name)
  if (known === null) return null
  const admin = installRoot === null ? [] : [`--admindir=${adminDirOf(installRoot)}`]
  const format = '--showformat=${db:Status-Status} ${Architecture} ${Version}\\n'
  const result = await runCommand('dpkg-query', [...admin, '-W', format, known])
  if (result.code === 0) return parseDebStates(result.stdout)
  return result.code === 1 ? [] : null
}

/** The name for removing one of the installed packages, with its architecture if there are several. */
export async function debRemovalName(
  { name, arch }: { name: string; arch?: string | undefined },
  installRoot: string | null,
): Promise<string | null> {
  const known = asDebName(name)
  if (known === null || arch === undefined || known.includes(':')) return known
  const installed = (await debStates(known, installRoot))?.filter((s) => s.status === 'installed')
  return (installed?.length ?? 0) > 1 ? `${known}:${arch}` : known
}

const isLeftHalf = (state: DebState): boolean =>
  !['installed', 'not-installed', 'config-files'].includes(state.status)

async function retryWhileLocked(args: string[]): Promise<CommandResult> {
  for (let tries = 1; ; tries++) {
    const result = await runCommand('dpkg', args, REPAIR_TIMEOUT_MS)
    // dpkg does not wait for a lock that another program holds.
    if (result.code !== 2 || !/lock/.test(result.stderr) || tries >= REPAIR_TRIES) return result
    await systemClock.sleep(REPAIR_WAIT_MS)
  }
}

/** Removes a package that a failed installation left half-installed, unless it was there before. */
export async function removeHalfInstalled(
  before: Before,
  installRoot: string | null,
  appendOutput: (line: string) => void,
): Promise<void> {
  const name = before.package_name
  if (name === null) return
  const states = await debStates(name, installRoot)
  const half = states?.find(isLeftHalf)
  if (!half) return
  if (before.was_installed)
    return appendOutput(`${name} was there before and is now ${half.status}; it is left as it is.`)
  appendOutput(`The failed installation left ${name} ${half.status}; it is removed.`)
  const root = installRoot === null ? [] : rootOptions(installRoot)
  let result = await retryWhileLocked([...root, '-P', name])
  if (result.code !== 0)
    result = await retryWhileLocked([...root, '--force-remove-reinstreq', '--purge', name])
  const output = (result.stdout + result.stderr).trim()
  if (output) appendOutput(output)
  appendOutput(result.code === 0 ? `${name} is removed.` : `${name} could not be removed.`)
}
