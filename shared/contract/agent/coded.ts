/**
 * A text from an agent as a code with parameters (domain/coded-texts). Whatever is wrong with them, the message beside them
 * counts, so they never make a reply or a report invalid.
 */
import { z } from 'zod'
import { AnyParams, TEXT_LIMIT } from '../../domain/coded-texts/codes.ts'
import { foreignLines } from '../text.ts'

export const foreignCode = z.string().max(64).optional().catch(undefined)
export const foreignParams = z
  .record(z.string().max(64), z.union([foreignLines(TEXT_LIMIT), z.number().finite()]))
  .refine((params) => AnyParams.safeParse(params).success)
  .optional()
  .catch(undefined)
