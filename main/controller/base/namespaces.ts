import type { Server } from 'socket.io'

/**
 * Closes the namespace `/`, which Socket.IO opens by itself: a client that joins it would count as
 * connected and could hold any number of connections indefinitely without authenticating. Refused
 * clients are disconnected after `connectTimeout`.
 */
export function closeDefaultNamespace(server: Pick<Server, 'of'>): void {
  server.of('/').use((_socket, next) => next(new Error('E_NOT_FOUND')))
}
