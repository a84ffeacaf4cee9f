import { createHash } from 'node:crypto'

/** The stored form of a code's secret: recognises the same code, and reveals nothing else. */
export const secretHash = (secret: string): string =>
  createHash('sha256').update(secret).digest('hex')
