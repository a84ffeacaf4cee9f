/** The agent as a service: copies the executable into place and makes the PC keep it running. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { errorText, renameDurably, syncFile, writeDurably } from '../lib/atomic-file.ts'
import { AgentFailure } from '../lib/failure.ts'
import { runCommand } from '../lib/run-command.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { writableByOthers, isAdministratorsPlace } from '../lib/writable-by-others.ts'
import { isSingleExecutable, type OpenExecutable } from '../lib/self.ts'
import { helperBytes, windowsHelper } from '../lib/windows-helper.ts'
import { placesOf } from '../update/places.ts'
import { endTrial } from '../update/swap.ts'
import type { Layout } from './layout.ts'
import { startScript } from './start-script.ts'
import { createLaunchd, createServiceControl, createSystemd, type Manager } from './managers.ts'

export function createManager(platform: DevicePlatform, layout: Layout): Manager {
  switch (platform) {
    case 'linux':
      return createSystemd(layout)
    case 'macos':
      return createLaunchd(layout)
    case 'windows':
      return createServiceControl(layout)
  }
}

/** @throws AgentFailure that says what to do if this program may not change the PC */
export async function checkMayChangePc(platform: DevicePlatform): Promise<void> {
  if (platform !== 'windows') {
    if (process.getuid?.() !== 0)
      throw new AgentFailure('This needs root. Run it again with sudo in front.')
    return
  }
  const helper = windowsHelper()
  if (helper === null)
    throw new AgentFailure(
      'This agent was built without its Windows helper, or its folder is read-only. Copy it to a local folder; a service needs the helper.',
    )
  const { code } = await runCommand(helper, ['elevated'])
  if (code !== 0)
    throw new AgentFailure(
      'This needs an administrator. Open the Terminal with “Run as administrator” and run it again.',
    )
}

/** @throws AgentFailure if this is not the single executable */
export function checkIsOneFile(): void {
  if (!isSingleExecutable())
    throw new AgentFailure(
      'Only the single-file agent can be a service: build it with npm run package:agent.',
    )
}

/** The nearest existing folder: new folders are created in it. */
function existing(path: string): string {
  return existsSync(path) ? path : existing(dirname(path))
}

/**
 * A service runs with all rights. So its program must neither come from nor go to a place where somebody else
 * can replace it. @throws AgentFailure that says what to do
 */
export function checkPlaces(
  platform: DevicePlatform,
  layout: Layout,
  executable = process.execPath,
  env: NodeJS.ProcessEnv = process.env,
): void {
  if (platform === 'windows') {
    if (isAdministratorsPlace(executable, env)) return
    throw new AgentFailure(
      `The agent is not installed as a service from ${dirname(executable)}, where others may exchange it or put libraries beside it. Move it into a new folder in ${env['ProgramFiles'] ?? 'C:\\Program Files'} and run it there.`,
    )
  }
  const obstacle = writableByOthers(executable)
  if (obstacle !== null)
    throw new AgentFailure(
      `The agent is not installed as a service from here, because somebody else could exchange it. ${compose(obstacle)} Copy it to root's own folder, with sudo cp, and run it there.`,
    )
  const target =
    writableByOthers(existing(layout.folder)) ?? writableByOthers(existing(layout.state))
  if (target !== null)
    throw new AgentFailure(
      `The agent cannot be a service here: ${compose(target)} It must belong to root, and nobody else may write to it.`,
    )
}

/**
 * Windows, for an administrator: creates a folder that only administrators and the system can enter.
 * Elsewhere, and for other users, does nothing: there the mode of the state folder protects it, or nothing
 * can. @throws AgentFailure if somebody else created the folder before
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  const helper = windowsHelper()
  if (helper === null || (await runCommand(helper, ['elevated'])).code !== 0) return
  mkdirSync(dirname(resolve(folder)), { recursive: true })
  const { code, stderr } = await runCommand(helper, ['private', resolve(folder)])
  if (code !== 0) throw new AgentFailure(`The folder ${folder} cannot be used: ${stderr.trim()}.`)
}

/**
 * Windows cannot overwrite a program that is still running (a supervisor, for example), but it can be
 * renamed.
 */
function replaceFile(file: string, write: (fresh: string) => void): void {
  const fresh = `${file}.new`
  write(fresh)
  chmodSync(fresh, 0o755)
  syncFile(fresh)
  if (process.platform === 'win32' && existsSync(file)) {
    const old = `${file}.old`
    rmSync(old, { force: true })
    renameDurably(file, old)
  }
  renameDurably(fresh, file)
}

/**
 * Puts executable, host and description in place, each of them atomically. The service must be stopped.
 * @param self this program, opened before anything else was done
 */
export function placeFiles(layout: Layout, description: string, self: OpenExecutable): void {
  try {
    mkdirSync(layout.folder, { recursive: true, mode: 0o755 })
    // Discard the leftovers of an update: this very file is to be installed.
    const places = placesOf(layout.executable)
    rmSync(places.trial, { force: true })
    if (!self.isAt(layout.executable)) replaceFile(layout.executable, (fresh) => self.copyTo(fresh))
    endTrial(places)
    if (layout.startScript !== null)
      replaceFile(layout.startScript, (fresh) =>
        writeFileSync(fresh, startScript(basename(layout.executable))),
      )
    const host = layout.host === null ? null : helperBytes()
    if (host !== null && !(existsSync(layout.host!) && readFileSync(layout.host!).equals(host)))
      replaceFile(layout.host!, (fresh) => writeFileSync(fresh, host))
    writeDurably(layout.descriptionFile, description, 0o644)
  } catch (error) {
    throw new AgentFailure(`The agent cannot be put into ${layout.folder}: ${errorText(error)}`)
  }
}

/** @returns what could not be removed: on Windows a program cannot remove itself */
export function removeFiles(layout: Layout): string | null {
  rmSync(layout.descriptionFile, { force: true })
  try {
    rmSync(layout.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  } catch {
    // Reported below.
  }
  return existsSync(layout.folder) ? layout.folder : null
}
