/** Key files under the operating system's keystore. */
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOwnControllers, type OwnControllers } from '../../test-kit/own-controllers.ts'

let own: OwnControllers
beforeEach(() => {
  own = openOwnControllers()
})
afterEach(() => own.remove())

/**
 * Stands in for Keychain, DPAPI or a keyring, which tests do not have: it returns only what it has
 * received.
 */
function makeKeystore() {
  const key = randomBytes(32)
  const mix = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte, i) => byte ^ key[i % 32]!))
  const check = (text: string): string => createHmac('sha256', key).update(text).digest('hex')
  return {
    protect: (secret: string): Buffer => mix(Buffer.from(check(secret) + secret)),
    unprotect(bytes: Buffer): string {
      const text = mix(bytes).toString('latin1')
      if (check(text.slice(64)) !== text.slice(0, 64)) throw new Error('not mine')
      return text.slice(64)
    },
  }
}

describe('with a keystore of the operating system', () => {
  const secrets = [
    'hub-tls.key',
    'command-signing.key',
    'access-token.key',
    'content.key',
    'install-arguments.key',
  ]
  const filesOf = (dataDir: string): string[] =>
    secrets.map((name) => readFileSync(join(own.folder, dataDir, 'keys', name), 'latin1'))

  it('no key is on disk in plain text, not even an older one, and everything keeps working', async () => {
    const plain = await own.start('a')
    const rest = await own.signIn(plain, 'setup')
    const port = own.portOf(plain)
    await own.addAgent(rest)
    expect(await rest.call('controller.identity', {})).toMatchObject({ keystore: false })
    await own.stop(plain)
    const before = filesOf('a')
    const keystore = makeKeystore()
    const controller = await own.start('a', port, { keystore })
    expect(controller.fingerprint).toBe(plain.fingerprint)
    for (const [i, text] of filesOf('a').entries()) {
      expect(text).toMatch(/^DEPLOYX-SEALED-1\n/)
      expect(text).not.toContain(before[i]!.slice(40, 60))
    }
    const again = await own.signIn(controller)
    expect(await again.call('controller.identity', {})).toMatchObject({ keystore: true })
    await own.until(async () => (await own.online(again)) === 1)
    expect(await own.deploys(again)).toBe('completed')
    await again.call('controller.rotate', { body: { tls: true, command: true } })
    for (const text of filesOf('a')) expect(text).toMatch(/^DEPLOYX-SEALED-1\n/)
    expect(await own.deploys(again)).toBe('completed')

    // A recovery file does not depend on this computer's keystore.
    const bytes = await own.saved(controller)
    const { fingerprint } = controller
    await own.stop(controller)
    const other = await own.takeUp('b', bytes, port)
    expect(other.fingerprint).toBe(fingerprint)
    const there = await own.signIn(other)
    await own.until(async () => (await own.online(there)) === 1)
  })

  it('another keystore, or none, does not open the folder and changes nothing in it', async () => {
    const keystore = makeKeystore()
    await own.stop(await own.start('a', 0, { keystore }))
    const before = filesOf('a')
    for (const other of [null, makeKeystore()])
      await expect(own.start('a', 0, { keystore: other })).rejects.toMatchObject({
        code: 'E_KEYS_SEALED',
      })
    expect(filesOf('a')).toEqual(before)
    await own.start('a', 0, { keystore })
  })
})
