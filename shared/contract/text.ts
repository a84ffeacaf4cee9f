/**
 * Text on the wire. Text from programs is cleaned when it is parsed, so that no reader can forget it. Text that people type is
 * refused instead, because they can correct it.
 */
import { z } from 'zod'
import {
  ONE_PLAIN_LINE,
  PLAIN_LINES,
  replaceMisleading,
  replaceMisleadingInLines,
} from '../domain/plain-text.ts'

/** One line from a PC, an agent or a file. Control and direction characters become U+FFFD. */
export const foreignLine = (maxLength: number) =>
  z.string().max(maxLength).overwrite(replaceMisleading)
/** Several lines from a PC, an agent or a file. */
export const foreignLines = (maxLength: number) =>
  z.string().max(maxLength).overwrite(replaceMisleadingInLines)

const REFUSED = 'must not hold control characters, or marks that change the direction of text'
/** One line that a person typed or pasted. */
export const typedLine = (maxLength: number) =>
  z
    .string()
    .trim()
    .max(maxLength, `must be at most ${maxLength} characters`)
    .regex(ONE_PLAIN_LINE, REFUSED)
/** Text that a person typed, with tabs and line ends allowed. Not trimmed. */
export const typedLines = (maxLength: number) =>
  z.string().max(maxLength).regex(PLAIN_LINES, REFUSED)
