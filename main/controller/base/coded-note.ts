/** Texts with their codes, as columns of a table and as fields of the API. */
import {
  isTextCode,
  readCoded,
  type CodedText,
  type TextCode,
} from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { AnyValues } from '#shared/domain/templates.ts'

/** Characters of a text from an agent of an earlier version. */
const MESSAGE_LIMIT = 500

/** Without a code in rows of earlier versions, and for texts of agents that send none, or one that is unknown here. */
export type Note = {
  message: string
  message_code: TextCode | null
  /** JSON. */
  message_params: string | null
}
export const EMPTY_NOTE = {
  message: '',
  message_code: null,
  message_params: null,
} as const satisfies Note
export const NO_NOTE = { ...EMPTY_NOTE, message: null } as const

export const noteOf = (text: CodedText): Note => ({
  message: compose(text),
  message_code: text.code,
  message_params: JSON.stringify(text.params),
})

type Reported = {
  message: string
  code?: string | undefined
  params?: AnyValues | undefined
}
/** A text from an agent. The text of a known code is composed again. */
export function reportedNote({ message, code, params }: Reported): Note {
  const text = readCoded(code, params)
  return text === null ? { ...EMPTY_NOTE, message: message.slice(0, MESSAGE_LIMIT) } : noteOf(text)
}

/** A database that a newer version has used may hold codes that this one does not know; their text stays. */
export const knownCode = (code: TextCode | null): TextCode | null =>
  code !== null && isTextCode(code) ? code : null
export const paramsOf = (json: string | null): AnyValues | null =>
  json === null ? null : (JSON.parse(json) as AnyValues)

/** Code and parameters of the API; nothing if this version does not know the code. */
export function shownCode({
  message_code,
  message_params,
}: Pick<Note, 'message_code' | 'message_params'>): { code?: TextCode; params?: AnyValues } {
  const code = knownCode(message_code)
  const params = paramsOf(message_params)
  return code === null || params === null ? {} : { code, params }
}
