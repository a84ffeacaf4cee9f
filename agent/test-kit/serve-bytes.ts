import type { IncomingMessage, ServerResponse } from 'node:http'

export type Served = (request: IncomingMessage, response: ServerResponse) => void

/** Serves bytes as a hub does, with Range. `onRequest` can handle a request itself by returning true. */
export function serveBytes(
  content: Buffer,
  onRequest: (request: IncomingMessage, response: ServerResponse, from: number) => boolean = () =>
    false,
): Served {
  return (request, response) => {
    const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
    const from = range ? Number(range[1]) : 0
    if (onRequest(request, response, from)) return
    response.writeHead(range ? 206 : 200, {
      'content-length': content.length - from,
      ...(range && {
        'content-range': `bytes ${from}-${content.length - 1}/${content.length}`,
      }),
    })
    response.end(content.subarray(from))
  }
}
