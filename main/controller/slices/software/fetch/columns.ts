/** Why a package could not be fetched, as columns of its installer. */
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'

export const fetchColumns = (text: CodedText) => ({
  fetch_message: compose(text),
  fetch_code: text.code,
  fetch_params: JSON.stringify(text.params),
})
export const NOT_FAILED = { fetch_message: null, fetch_code: null, fetch_params: null } as const
