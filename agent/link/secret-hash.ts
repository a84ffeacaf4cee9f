import { createHash } from 'node:crypto'

/** How the secret of a code is kept: it tells the same code again, and nothing else. */
export const secretHash = (secret: string): string =>
  createHash('sha256').update(secret).digest('hex')
