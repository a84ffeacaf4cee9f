/** What the shapes of several slices share. */
import { z } from 'zod'
import { typedLine } from '../text.ts'

export const Timestamp = z.iso.datetime()

/** A display name: trimmed, 1 to 200 characters, no control characters. */
export const Name = typedLine(200).min(1, 'must not be empty')

/** The version that a write is based on. Left out: the write always wins. */
export const basedOn = z.number().int().nonnegative().optional()

/** Query strings arrive as text. */
export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).default(0),
})
