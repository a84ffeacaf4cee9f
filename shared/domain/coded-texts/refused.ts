/** What an agent refuses, as a text of the controller. Pure. */
import type { AnyValues } from '../templates.ts'
import { coded, readCoded, type CodedText } from './codes.ts'

type Reply = { message: string; code?: string | undefined; params?: AnyValues | undefined }

/** The refusal in the agent's code if this version knows it, else in its words. */
export function refusedBy(
  text: 'refused' | 'withdrawal_refused',
  { message, code, params }: Reply,
): CodedText {
  const known = code === undefined ? null : readCoded(text, { refusal: code, ...params })
  return known ?? coded(text, { sentence: message })
}
