/**
 * The head of the hub's answer. Accepts only what a hub sends (RFC 9112, without folded lines and transfer
 * codings) and refuses everything ambiguous.
 */
export type ResponseHead = {
  status: number
  statusText: string
  /** By lower-case name. */
  headers: ReadonlyMap<string, string>
  /** Of the body. Required only for an answer with package bytes: the body of a refusal is not read. */
  contentLength: number
}

/** Maximum size of a head in bytes. */
export const HEAD_LIMIT_BYTES = 16 * 1024
export const HEAD_END = Buffer.from('\r\n\r\n')

const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: ([\t\x20-\x7e]*))?$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/
/** Spaces and tabs around a value are not part of it. Other white space, such as U+00A0, is. */
function withoutBlanks(text: string): string {
  const isBlank = (c: string | undefined): boolean => c === ' ' || c === '\t'
  let [from, to] = [0, text.length]
  while (isBlank(text[from])) from++
  while (to > from && isBlank(text[to - 1])) to--
  return text.slice(from, to)
}
const LENGTH = /^\d{1,15}$/

/** @param bytes up to HEAD_END, without it. @throws Error if it is invalid or ambiguous */
export function parseResponseHead(bytes: Buffer): ResponseHead {
  const [first = '', ...lines] = bytes.toString('latin1').split('\r\n')
  const line = STATUS_LINE.exec(first)
  if (!line) throw new Error('the answer has no readable status line')
  const headers = new Map<string, string>()
  for (const text of lines) {
    const field = FIELD.exec(text)
    if (!field) throw new Error('the answer has a header that cannot be read')
    const name = field[1]!.toLowerCase()
    if (headers.has(name) && name.startsWith('content-'))
      throw new Error(`the answer has two headers ${name}`)
    headers.set(name, withoutBlanks(field[2]!))
  }
  const status = Number(line[1])
  const length = headers.has('transfer-encoding') ? '' : (headers.get('content-length') ?? '')
  const hasLength = LENGTH.test(length)
  if (status < 300 && !hasLength) throw new Error('the answer has no valid length')
  return {
    status,
    statusText: line[2] ?? '',
    headers,
    contentLength: hasLength ? Number(length) : 0,
  }
}
