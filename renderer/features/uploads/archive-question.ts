/** The question about an archive whose entry file is not evident. Pure. */
import { kindOfEntry } from '#shared/domain/archives.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import type { Failure } from '../../ui/lib/error-text.ts'

export type ArchiveQuestion = {
  /** Whether the platform is needed too. */
  asksPlatform: boolean
  /** Files in the archive that can be run on some platform. */
  choices: string[]
}

/** The question behind a refused upload; null if it was refused for another reason or there is nothing to choose. */
export function archiveQuestion(failure: Failure | null): ArchiveQuestion | null {
  if (failure?.code !== 'E_VALIDATION') return null
  const [first, ...rest] = failure.details
  const choices = rest
    .filter(({ path }) => path?.startsWith('/entry/choices/'))
    .map(({ message }) => message)
  const asked = first?.path === '/platform' || first?.path === '/entry'
  return asked && choices.length > 0 ? { asksPlatform: first.path === '/platform', choices } : null
}

export const choicesFor = (question: ArchiveQuestion, platform: DevicePlatform): string[] =>
  question.choices.filter((path) => kindOfEntry(path, platform) !== null)
