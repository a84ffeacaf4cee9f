import type { Server } from 'socket.io'

/**
 * Closes the namespace `/`, which Socket.IO opens by itself: whoever joined it would count as connected, and could hold any
 * number of connections for as long as he likes without proving anything. Refused, he is sent away after `connectTimeout`.
 */
export function closeDefaultNamespace(server: Pick<Server, 'of'>): void {
  server.of('/').use((_socket, next) => next(new Error('E_NOT_FOUND')))
}
