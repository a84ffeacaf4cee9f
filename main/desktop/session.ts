/**
 * Stores the refresh token between starts: encrypted by the operating system's keystore if there is
 * one. Without one (Linux without a keyring) it is in a file that only this user may read, and the
 * caller is informed.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from '../lib/durable-file.ts'
import { isProtecting, type SafeStorage } from './keystore.ts'

const Stored = z.object({
  version: z.literal(1),
  protected: z.boolean(),
  token: z.string().max(8192),
})

/** @param folder the app's folder for this user; only this module uses `session.json` in it */
export function createSessionKeeper(
  folder: string,
  keystore: SafeStorage,
  platform = process.platform,
) {
  const file = join(folder, 'session.json')

  const canProtect = (): boolean => isProtecting(keystore, platform)

  return {
    /** The token, or null: nobody is signed in, or the keystore cannot decrypt it any more. */
    load(): string | null {
      try {
        const stored = Stored.parse(JSON.parse(readFileSync(file, 'utf8')))
        const bytes = Buffer.from(stored.token, 'base64')
        const token = stored.protected ? keystore.decryptString(bytes) : bytes.toString('utf8')
        return token || null
      } catch {
        return null
      }
    },
    /** @returns whether a keystore protects it; for null: whether one would */
    save(token: string | null): { protected: boolean } {
      const isProtected = canProtect()
      if (token === null) {
        rmSync(file, { force: true })
        return { protected: isProtected }
      }
      const bytes = isProtected ? keystore.encryptString(token) : Buffer.from(token, 'utf8')
      const content = { version: 1, protected: isProtected, token: bytes.toString('base64') }
      // Atomic, and never readable by others, not even briefly.
      writeDurably(file, JSON.stringify(content))
      return { protected: isProtected }
    },
  }
}
