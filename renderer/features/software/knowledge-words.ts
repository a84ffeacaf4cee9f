/** What was found out about an installer as a whole, in words. Pure. */
import type {
  InstallerKnowledge,
  InstallerSigner,
} from '#shared/contract/rest/installer-knowledge.ts'
import { isForAllUsers } from '#shared/domain/installer-scope.ts'
import { KNOWN_TECHNOLOGIES } from '#shared/domain/installer-technology.ts'
import { t } from './texts.ts'

type Known = InstallerKnowledge | null | undefined

/** The tool that made it; null: unknown, or no tool. */
export const technologyInWords = (knowledge: Known): string | null =>
  knowledge?.technology ? KNOWN_TECHNOLOGIES[knowledge.technology] : null

function signerText({ name, state }: InstallerSigner): string {
  switch (state) {
    case 'valid_digest':
      return name ? t('signer.by', { name }) : t('signer.signed')
    case 'unchecked':
      return name ? t('signer.uncheckedBy', { name }) : t('signer.unchecked')
    case 'tampered':
      return t('signer.tampered')
    case 'unsigned':
      return t('signer.unsigned')
  }
}
/** Null: files of this kind have no signature of their own. */
export const signerInWords = (knowledge: Known): string | null =>
  knowledge?.signer ? signerText(knowledge.signer) : null

/** For whom it installs with these arguments; null: unknown. */
export function scopeInWords(knowledge: Known, args: string): string | null {
  if (!knowledge?.scope) return null
  const isChanged =
    knowledge.scope !== 'machine' && knowledge.technology === 'msi' && isForAllUsers(args)
  return t(isChanged ? 'scopes.allUsers' : `scopes.${knowledge.scope}`)
}

export type Note = { code: string; text: string }

/** What goes wrong, or may go wrong, when a PC runs it with these arguments. */
export function notesOf(knowledge: Known, args: string): Note[] {
  if (!knowledge) return []
  const notes: Note[] = knowledge.warnings.filter(
    ({ code }) => code !== 'per_user' || !isForAllUsers(args),
  )
  if (knowledge.is_installer === false)
    notes.unshift({ code: 'not_installer', text: t('notes.notInstaller') })
  return notes
}
