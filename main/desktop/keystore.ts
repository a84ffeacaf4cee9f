/**
 * The operating system's keystore, through Electron: Keychain, DPAPI, or a Linux keyring if one is
 * set up.
 */

/** The part of Electron's safeStorage that is used. Call it only once the app is ready. */
export type SafeStorage = {
  isEncryptionAvailable: () => boolean
  /** Linux only. `basic_text` scrambles with a publicly known key, which protects nothing. */
  getSelectedStorageBackend?: () => string
  encryptString: (text: string) => Buffer
  decryptString: (bytes: Buffer) => string
}

export const isProtecting = (storage: SafeStorage, platform = process.platform): boolean =>
  storage.isEncryptionAvailable() &&
  !(platform === 'linux' && storage.getSelectedStorageBackend?.() === 'basic_text')

/** Protects the controller's keys; null if the keystore would add no protection. */
export function createKeystore(storage: SafeStorage, platform = process.platform) {
  if (!isProtecting(storage, platform)) return null
  return {
    protect: (secret: string): Buffer => storage.encryptString(secret),
    unprotect: (bytes: Buffer): string => storage.decryptString(bytes),
  }
}
