/** What a row of the table of routes (rest.ts) holds. */
import { z } from 'zod'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
/** none = no token; user = any signed-in user; admin = administrators only. */
export type Access = 'none' | 'user' | 'admin'

export type Route = {
  method: Method
  path: string
  access: Access
  summary: string
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType
  /**
   * `multipart`: a streamed upload; its fields are checked by the handler. `text`, `file`: the reply is not JSON. `stream`:
   * text that is sent piece by piece.
   */
  transport?: 'json' | 'multipart' | 'text' | 'file' | 'stream'
  /** Media type of a reply that is not JSON. */
  media?: string
  /** What a `multipart` body holds, for the API description. */
  form?: z.ZodObject
  reply: z.ZodType
  /** Its body may carry a `request_id`: the same request again gets the same answer and does nothing (request-key.ts). */
  repeatable?: boolean
}

/** Keeps the exact type of a row while checking its shape. */
export const route = <const R extends Route>(r: R): R => r

/** An id in a path: it arrives as text. */
export const pathId = <T extends z.ZodType<number>>(schema: T) =>
  z.coerce.number<string | number>().pipe(schema as unknown as z.ZodType<z.output<T>, number>)
/** The parameters of a path with one id. */
export const id = <T extends z.ZodType<number>>(schema: T) => z.object({ id: pathId(schema) })
