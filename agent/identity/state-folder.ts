/** The state folder: the agent's identity, its records, and its work in progress. Nobody else may read it. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { createOnce, errorText, readJson, renameUnsynced } from '../lib/atomic-file.ts'
import { AgentFailure } from '../lib/failure.ts'
import { identify, isAlive, ProcessId } from '../lib/processes.ts'

export type StateFolder = {
  path: string
  identityFile: string
  journalFile: string
  restartsFile: string
  statusFile: string
  /** The last inventory of this PC that the hub has acknowledged. */
  inventoryFile: string
  lockFile: string
  /** The progress of an update of the agent itself. */
  updateFile: string
  /** The records of attempts: one folder per attempt, named by its id. Installers never run there. */
  attemptsDir: string
  /**
   * Packages, and the working folders of installers: one folder per attempt. An installer may delete any of
   * it.
   */
  workDir: string
}

export function stateFolder(path: string): StateFolder {
  const root = resolve(path)
  return {
    path: root,
    identityFile: join(root, 'identity.json'),
    journalFile: join(root, 'journal.log'),
    restartsFile: join(root, 'restarts.log'),
    statusFile: join(root, 'status.json'),
    inventoryFile: join(root, 'inventory.json'),
    lockFile: join(root, 'agent.lock'),
    updateFile: join(root, 'update.json'),
    attemptsDir: join(root, 'attempts'),
    workDir: join(root, 'work'),
  }
}

/**
 * Whether this user owns the path; for a link, the link itself. Always true on Windows, which manages
 * ownership differently.
 */
export const isOwn = (path: string): boolean => {
  const me = process.getuid?.()
  return me === undefined || (lstatSync(path).uid === me && statSync(path).uid === me)
}

/** Another user's file in our place was planted, to be obeyed or to be read later. @throws AgentFailure */
function refuseForeign(path: string, kind: 'folder' | 'file'): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat) return
  const isKind = kind === 'file' ? stat.isFile() : stat.isDirectory()
  if (!isKind || !isOwn(path))
    throw new AgentFailure(
      `${path} is ${isKind ? `another user's` : `not a ${kind}`}. The agent keeps its keys there, so no other user may have created it. Remove it, or use another --state folder.`,
    )
  if (kind === 'file' && (stat.mode & 0o077) !== 0) chmodSync(path, 0o600)
}

/**
 * Creates the folder (0700), or restricts its mode if it exists. @throws AgentFailure when it cannot be used,
 * or when it or something in it belongs to another user
 */
export function prepareStateFolder(path: string): StateFolder {
  const folder = stateFolder(path)
  try {
    mkdirSync(folder.path, { recursive: true, mode: 0o700 })
    // An administrator may have moved it elsewhere with their own link.
    if (!isOwn(folder.path)) refuseForeign(folder.path, 'folder')
    chmodSync(folder.path, 0o700)
    for (const dir of [folder.attemptsDir, folder.workDir]) {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      refuseForeign(dir, 'folder')
      chmodSync(dir, 0o700)
    }
    const { identityFile, journalFile, restartsFile, statusFile, inventoryFile } = folder
    const { lockFile, updateFile } = folder
    const logs = [journalFile, restartsFile]
    for (const file of [identityFile, ...logs, statusFile, inventoryFile, lockFile, updateFile])
      refuseForeign(file, 'file')
  } catch (error) {
    if (error instanceof AgentFailure) throw error
    throw new AgentFailure(`The state folder ${folder.path} cannot be used: ${errorText(error)}`)
  }
  return folder
}

/** The agent that holds this folder now, or null. */
export function lockHolder(folder: StateFolder): ProcessId | null {
  const holder = ProcessId.safeParse(readJson(folder.lockFile))
  return holder.success && isAlive(holder.data) ? holder.data : null
}

/**
 * One agent per state folder. Takes over a lock whose process has ended. @returns a function that releases the
 * folder @throws AgentFailure when another agent holds it
 */
export function lockStateFolder(folder: StateFolder): () => void {
  const mine = JSON.stringify(identify(process.pid))
  for (let tries = 0; tries < 5; tries++) {
    if (createOnce(folder.lockFile, mine)) return () => rmSync(folder.lockFile, { force: true })
    const holder = lockHolder(folder)
    if (holder)
      throw new AgentFailure(
        `Another agent (process ${holder.pid}) is using the state folder ${folder.path}.`,
      )
    discardStaleLock(folder)
  }
  throw new AgentFailure(`The state folder ${folder.path} could not be locked.`)
}

/**
 * Two starting agents may see the same stale lock: the moved lock is put back if its process turns out to be
 * alive.
 */
function discardStaleLock(folder: StateFolder): void {
  const aside = `${folder.lockFile}.${randomBytes(6).toString('hex')}.stale`
  try {
    renameUnsynced(folder.lockFile, aside)
  } catch {
    return
  }
  const holder = ProcessId.safeParse(readJson(aside))
  if (holder.success && isAlive(holder.data))
    createOnce(folder.lockFile, readFileSync(aside, 'utf8'))
  rmSync(aside, { force: true })
}
