/** What the controller asks of an archive that does not tell by itself what is to be run of it. Pure. */
import { kindOfEntry } from '#shared/domain/archives.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import type { Failure } from '../../ui/lib/error-text.ts'

export type ArchiveQuestion = {
  /** Whether the platform is asked for too. */
  asksPlatform: boolean
  /** Files in it that can be run somewhere. */
  choices: string[]
}

/** The question in a refused upload; null when it was refused for another reason, or there is nothing to choose from. */
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
