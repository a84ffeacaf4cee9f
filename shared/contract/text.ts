/**
 * Text on the wire. Whatever a program sends about itself is cleaned when it is parsed, so no reader of it can forget to.
 * What a person types is refused instead: they can correct it.
 */
import { z } from 'zod'
import {
  ONE_PLAIN_LINE,
  PLAIN_LINES,
  withoutSteering,
  withoutSteeringInLines,
} from '../domain/plain-text.ts'

/** One line from a PC, an agent or a file. Characters that steer a reader become U+FFFD. */
export const foreignLine = (maxLength: number) =>
  z.string().max(maxLength).overwrite(withoutSteering)
/** Several lines from a PC, an agent or a file. */
export const foreignLines = (maxLength: number) =>
  z.string().max(maxLength).overwrite(withoutSteeringInLines)

const REFUSED = 'must not hold control characters, or marks that change the direction of text'
/** One line that a person typed or pasted. */
export const typedLine = (maxLength: number) =>
  z
    .string()
    .trim()
    .max(maxLength, `must be at most ${maxLength} characters`)
    .regex(ONE_PLAIN_LINE, REFUSED)
/** Text that a person typed, where tabs and line ends mean something. Not trimmed. */
export const typedLines = (maxLength: number) =>
  z.string().max(maxLength).regex(PLAIN_LINES, REFUSED)
