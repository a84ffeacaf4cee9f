import type { AddressInfo, Server } from 'node:net'
import { AppError } from '#shared/contract/errors.ts'

/**
 * Listens and returns the port (0 selects any free one).
 * @throws AppError E_PORT_IN_USE with what to do
 */
export function listen(
  server: Server,
  port: number,
  host: string | undefined,
  what: 'hub' | 'console',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      const where = `${host ?? 'all addresses'}, port ${port}`
      const reason =
        error.code === 'EADDRINUSE'
          ? `The ${what} cannot listen on ${where}: another program uses this port. Close it, or choose another with --${what}-port.`
          : `The ${what} cannot listen on ${where} (${error.code ?? error.message}).`
      reject(new AppError('E_PORT_IN_USE', reason, [], { cause: error }))
    }
    server.once('error', onError)
    server.listen({ port, host }, () => {
      server.off('error', onError)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
