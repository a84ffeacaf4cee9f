/**
 * Checks replies of the REST surface against its published description. `npm test` describes the
 * surface once for all workers (publish-description.ts); otherwise, as in a benchmark, nothing is
 * checked.
 */
import { readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { ERRORS, ErrorReply } from '#shared/contract/errors.ts'

/** Names the file with `/openapi.json`. */
export const DESCRIPTION_FILE = 'DEPLOYX_TEST_OPENAPI'

type Answer = { status: number; contentType: string | null; body: unknown }
type Content = Record<string, { schema: object }>
type Operation = { operationId: string; responses: Record<string, { content?: Content }> }
export type Description = { paths: Record<string, Record<string, Operation>> }
/** @throws Error naming the operation, if the description does not allow the reply */
export type ReplyCheck = (method: string, path: string, answer: Answer) => void

const OPEN_PARTS = /\{\w+\}/g
function toPattern(path: string): RegExp {
  const fixed = path.split(OPEN_PARTS).map((part) => part.replaceAll('.', '\\.'))
  return new RegExp(`^${fixed.join('[^/]+')}$`)
}
const openParts = (path: string): number => path.match(OPEN_PARTS)?.length ?? 0

export function createReplyCheck({ paths }: Description): ReplyCheck {
  // File formats do not constrain a text; every other keyword and format has to be known to ajv.
  const ajv = new Ajv2020({ allowUnionTypes: true, formats: { binary: true } })
  addFormats(ajv)
  /** Most operations describe the same errors: a schema is compiled once, by its text. */
  const compiled = new Map<string, ValidateFunction>()
  function validatorOf(schema: object): ValidateFunction {
    const text = JSON.stringify(schema)
    const known = compiled.get(text) ?? ajv.compile(schema)
    compiled.set(text, known)
    return known
  }
  // `/enrollments/digits` before `/enrollments/{id}`.
  const places = Object.keys(paths)
    .sort((a, b) => openParts(a) - openParts(b))
    .map((path) => ({ pattern: toPattern(path), operations: paths[path] ?? {} }))

  return (method, path, { status, contentType, body }) => {
    const { pathname } = new URL(path, 'http://controller')
    const operation = places
      .filter(({ pattern }) => pattern.test(pathname))
      .map(({ operations }) => operations[method.toLowerCase()])
      .find((found) => found !== undefined)
    if (!operation) return
    const fail = (why: string): never => {
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      throw new Error(
        `${operation.operationId} answers ${status} unlike /openapi.json: ${why}\n${text.slice(0, 2_000)}`,
      )
    }
    const { responses } = operation
    const response = responses[status] ?? responses[`${Math.trunc(status / 100)}XX`]
    if (!response) return fail('this status is not described')
    const media = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
    const content = response.content?.[media]
    if (!content) return fail(`no content of type "${media}" is described`)
    const validate = validatorOf(content.schema)
    if (!validate(body)) fail(ajv.errorsText(validate.errors, { dataVar: 'body' }))
    if (status < 400) return
    const { code } = ErrorReply.parse(body).error
    if (ERRORS[code].status !== status) fail(`${code} belongs to ${ERRORS[code].status}`)
  }
}

/** Null where the surface was not described for this process. */
export function publishedDescription(): Description | null {
  const file = process.env[DESCRIPTION_FILE]
  return file ? (JSON.parse(readFileSync(file, 'utf8')) as Description) : null
}

let check: ReplyCheck | null | undefined
/** The check of this process; null if the surface was not described for it. */
export function replyCheck(): ReplyCheck | null {
  if (check !== undefined) return check
  const description = publishedDescription()
  check = description && createReplyCheck(description)
  return check
}
