/** Coded texts as the columns of this slice's tables. The parameters are stored as JSON. */
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { CodedText } from '#shared/domain/coded-texts/codes.ts'

const codeOf = ({ code, params }: CodedText) => ({
  result_code: code,
  result_params: JSON.stringify(params),
})
/** Of a target. */
export const resultColumns = (text: CodedText) => ({
  result_message: compose(text),
  ...codeOf(text),
})
/** Of an attempt. */
export const endColumns = (text: CodedText) => ({ message: compose(text), ...codeOf(text) })
export const pauseColumns = (text: CodedText) => ({
  pause_message: compose(text),
  pause_code: text.code,
  pause_params: JSON.stringify(text.params),
})

export const NO_CODE = { result_code: null, result_params: null } as const
export const NO_RESULT = { result_message: null, ...NO_CODE } as const
export const NOT_PAUSED = {
  paused: false,
  pause_reason: null,
  pause_message: null,
  pause_code: null,
  pause_params: null,
} as const
