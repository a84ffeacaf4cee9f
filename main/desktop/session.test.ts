import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { SafeStorage } from './keystore.ts'
import { createSessionKeeper } from './session.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'deployx-session-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/**
 * Stands in for the operating system's keystore, which needs a signed-in desktop. Its output
 * differs from its input.
 */
const keystore = (changes: Partial<SafeStorage> = {}): SafeStorage => ({
  isEncryptionAvailable: () => true,
  encryptString: (text) => Buffer.from(text).reverse(),
  decryptString: (bytes) => Buffer.from(bytes).reverse().toString(),
  ...changes,
})
const file = () => join(folder, 'session.json')

it('returns what it stored, and nothing after it was cleared', () => {
  const keeper = createSessionKeeper(folder, keystore(), 'darwin')
  expect(keeper.load()).toBeNull()
  expect(keeper.save('secret-token')).toEqual({ protected: true })
  expect(createSessionKeeper(folder, keystore(), 'darwin').load()).toBe('secret-token')
  expect(keeper.save(null)).toEqual({ protected: true })
  expect(keeper.load()).toBeNull()
  expect(readdirSync(folder)).toEqual([])
})

it('stores no readable token if a keystore protects it', () => {
  createSessionKeeper(folder, keystore(), 'win32').save('secret-token')
  const content = readFileSync(file(), 'utf8')
  const { token } = JSON.parse(content) as { token: string }
  expect(content).not.toContain('secret-token')
  expect(Buffer.from(token, 'base64').toString()).not.toContain('secret-token')
})

it('reports a missing keystore, and keeps the file private', () => {
  const scrambling = keystore({ getSelectedStorageBackend: () => 'basic_text' })
  const none = keystore({ isEncryptionAvailable: () => false })
  for (const store of [scrambling, none]) {
    const keeper = createSessionKeeper(folder, store, 'linux')
    expect(keeper.save('secret-token')).toEqual({ protected: false })
    expect(keeper.load()).toBe('secret-token')
    if (process.platform !== 'win32') expect(statSync(file()).mode & 0o777).toBe(0o600)
  }
  const keyring = keystore({ getSelectedStorageBackend: () => 'gnome_libsecret' })
  expect(createSessionKeeper(folder, keyring, 'linux').save('x')).toEqual({ protected: true })
})

it('treats a damaged or foreign file as signed out', () => {
  const refusing = keystore({
    decryptString: () => {
      throw new Error('another key')
    },
  })
  createSessionKeeper(folder, keystore(), 'darwin').save('secret-token')
  expect(createSessionKeeper(folder, refusing, 'darwin').load()).toBeNull()
  for (const content of ['', '{', '{"version":2}', '[]', '\0\0'])
    expect(
      (writeFileSync(file(), content), createSessionKeeper(folder, keystore()).load()),
    ).toBeNull()
})
