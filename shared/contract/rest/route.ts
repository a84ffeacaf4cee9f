/** The shape of a row in the table of routes (rest.ts). */
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
   * `multipart`: a streamed upload, whose fields the handler checks. `text`, `file`: the reply is not JSON. `stream`: text that
   * is sent in pieces.
   */
  transport?: 'json' | 'multipart' | 'text' | 'file' | 'stream'
  /** Media type of a reply that is not JSON. */
  media?: string
  /** Fields of a `multipart` body, for the API description. */
  form?: z.ZodObject
  reply: z.ZodType
  /** Its body may contain a `request_id`: a repeated request gets the same answer without effect (request-key.ts). */
  repeatable?: boolean
}

/** Checks the shape of a row and keeps its exact type. */
export const route = <const R extends Route>(r: R): R => r

/** An id in a path, which arrives as text. */
export const pathId = <T extends z.ZodType<number>>(schema: T) =>
  z.coerce.number<string | number>().pipe(schema as unknown as z.ZodType<z.output<T>, number>)
/** The parameters of a path with one id. */
export const id = <T extends z.ZodType<number>>(schema: T) => z.object({ id: pathId(schema) })
