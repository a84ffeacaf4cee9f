/**
 * Prepares the command for a Debian package and decides whether it may run: locks, the file itself, and side
 * effects.
 */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../../lib/run-command.ts'
import type { Command } from '../../supervisor/files.ts'
import { impossible, type Job, type Prepared } from '../installers.ts'
import { firstBytes } from '../script.ts'
import { explainOutput, wordsOf } from '../tool-errors.ts'
import {
  asDebName,
  debInstallCommand,
  debRemovalName,
  debRemoveCommand,
  debStates,
  findProgram,
  prepareRoot,
} from './deb.ts'
import { lockedText, DEB_LOCKS, waitForLocks } from './locks.ts'
import {
  hasEffects,
  namesOf,
  NO_SIDE_EFFECTS,
  refusalOf,
  simulateApt,
  simulateDpkg,
  type SideEffects,
} from './simulate.ts'

/** The magic number of Debian packages (ar(5)). */
const AR_MAGIC = '!<arch>\n'
const READ_TIMEOUT_MS = 120_000

type Named = { name: string } | Extract<Prepared, { ok: false }>

/** The package name in a package file, or dpkg-deb's error. */
async function nameOfPackage(packageFile: string, env: Record<string, string>): Promise<Named> {
  if ((await firstBytes(packageFile, AR_MAGIC.length)).toString('latin1') !== AR_MAGIC)
    return impossible('install_failed', coded('deb_unreadable', {}))
  const args = ['--field', packageFile, 'Package']
  const result = await runCommand('dpkg-deb', args, READ_TIMEOUT_MS, { env })
  if (result.code !== 0) {
    const toolError = explainOutput('deb', result.stderr)
    return impossible(
      toolError.reason ?? 'install_failed',
      coded('dpkg_cannot_read', wordsOf(toolError)),
    )
  }
  const name = asDebName(result.stdout.trim())
  return name === null ? impossible('install_failed', coded('deb_bad_name', {})) : { name }
}

/** @param installRoot a folder to install into instead of the PC, or null */
export async function prepareDeb(job: Job, installRoot: string | null): Promise<Prepared> {
  const { payload, packageFile } = job
  const temporary = job.temporary ?? job.folder
  const env: Record<string, string> = { TMPDIR: temporary }
  const hasApt = findProgram('apt-get') !== null
  const usesApt = hasApt && installRoot === null
  if (installRoot !== null) prepareRoot(installRoot)
  const { argv } = payload
  const mayRemove = payload.allow_removals

  const { signal, onWait } = job
  const holder = await waitForLocks(DEB_LOCKS, { root: installRoot, signal, onWait })
  if (holder !== null) return impossible('retry_later', lockedText(holder))

  function ownArchives(): string {
    const archives = join(temporary, 'archives')
    if (usesApt) mkdirSync(join(archives, 'partial'), { recursive: true, mode: 0o700 })
    return archives
  }

  async function checked(
    command: Command,
    own: { name: string; isInstalled: boolean },
  ): Promise<Prepared> {
    const effects: SideEffects | null = usesApt
      ? await simulateApt(command.args, own.name, env)
      : payload.action === 'install'
        ? await simulateDpkg(command.args, env)
        : NO_SIDE_EFFECTS
    const { action } = payload
    // apt-get remove has no option that spares other packages.
    const isGuarded = usesApt && action === 'install'
    const refusal = refusalOf(effects, { tool: command.file, action, mayRemove, isGuarded })
    if (refusal !== null) return impossible(refusal.reason, refusal.text)
    return {
      ok: true,
      command,
      before: {
        package_name: own.name,
        was_installed: own.isInstalled,
        ...(effects && hasEffects(effects) && { effects: namesOf(effects) }),
      },
    }
  }

  if (packageFile === null) {
    const rule = payload.detection?.type === 'dpkg' ? payload.detection : null
    const name = rule && (await debRemovalName(rule, installRoot))
    if (name === null) return impossible('install_failed', coded('deb_removal_needs_name', {}))
    const command = debRemoveCommand({ name, argv, installRoot, hasApt, archives: ownArchives() })
    return checked(command, { name, isInstalled: true })
  }
  const named = await nameOfPackage(packageFile, env)
  if ('ok' in named) return named
  const states = (await debStates(named.name, installRoot)) ?? []
  const command = debInstallCommand({
    ...{ packageFile, argv, installRoot, hasApt, mayRemove },
    archives: ownArchives(),
  })
  const isInstalled = states.some((state) => state.status === 'installed')
  return checked(command, { name: named.name, isInstalled })
}
