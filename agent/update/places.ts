/**
 * The paths of the agent's executable and of the files of an update next to it: all on one file system, all
 * owned by the administrator.
 */
import { basename, dirname, join } from 'node:path'
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import type { UPDATE_OBSTACLES } from '#shared/domain/coded-texts/updates.en.ts'
import { writableByOthers } from '../lib/writable-by-others.ts'
import { isSingleExecutable } from '../lib/self.ts'
import { UPDATE_GUARD } from '../service/layout.ts'

export type Places = {
  folder: string
  executable: string
  /** The previous executable, while the current one is on trial. */
  previous: string
  /** Exists while an executable is on trial; contains the number of its starts. */
  trial: string
  /**
   * Written by the program that starts the agent (start-script.ts, helper.c) when it rolls back an
   * executable: the reason, in one word.
   */
  verdict: string
  /** Where the Windows host puts a rolled-back executable until it can be removed. */
  failed: string
  /** Accessible to the agent only. */
  workshop: string
  next: string
}

export function placesOf(executable: string): Places {
  const folder = dirname(executable)
  const workshop = join(folder, 'update')
  return {
    folder,
    executable,
    previous: `${executable}.previous`,
    trial: join(folder, 'update-trial'),
    verdict: join(folder, 'update-taken-back'),
    failed: `${executable}.failed`,
    workshop,
    next: join(workshop, basename(executable)),
  }
}

export type UpdateObstacle = Extract<CodedText, { code: keyof typeof UPDATE_OBSTACLES }>

/** Why this program cannot be updated in its place, or null. */
export function updateObstacle(env: NodeJS.ProcessEnv = process.env): UpdateObstacle | null {
  if (!isSingleExecutable()) return coded('update_from_sources', {})
  if (env[UPDATE_GUARD] !== '1') return coded('update_needs_service', {})
  return writableByOthers(process.execPath)
}
