/** Answers requests that Node cannot parse: they reach no route, but get the same error body as others. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { AppError, ERRORS } from '#shared/contract/errors.ts'

function toAppError(code: string | undefined): AppError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new AppError('E_TOO_LARGE', 'The request is too large.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new AppError('E_MALFORMED', 'The request did not arrive in time.')
    default:
      return new AppError('E_MALFORMED', 'The request is malformed.')
  }
}

/** For Fastify's `clientErrorHandler`. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) {
    const known = toAppError(error.code)
    const { status } = ERRORS[known.code]
    const body = JSON.stringify(known.toReply())
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'X-Content-Type-Options: nosniff',
      'Connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroy(error)
}
