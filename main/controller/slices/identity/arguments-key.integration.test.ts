/** The key that encrypts secret arguments stays when the other keys change: without it, stored secrets cannot be decrypted. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inspectKeys } from './inspect-keys.ts'
import { judgeKeys } from './judge-keys.ts'
import { KEY_FILES, keysFolder, nextKeysFolder } from './key-files.ts'
import { loadKeys } from './keys.ts'
import { packRecoveryFile, unpackRecoveryFile } from './recovery-file.ts'
import { makeSuccessor } from './successor.ts'

const NEEDED = { devices: 1, sealedArguments: 1 }
const AT = '2026-01-01T00:00:00.000Z'
const NAME = KEY_FILES.installArguments
let dir: string
let key: Buffer
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'deployx-arguments-key-'))
  key = (await loadKeys(dir, null)).argumentsKey
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

it('is created once, and differs from the ticket key', async () => {
  const keys = await loadKeys(dir, null)
  expect(keys.argumentsKey).toEqual(key)
  expect(keys.argumentsKey).not.toEqual(keys.ticketKey)
})

it.each([false, true])(
  'stays when the other keys change (by the recovery key: %s)',
  async (isRecovery) => {
    const keys = keysFolder(dir)
    const recovery = isRecovery ? readFileSync(join(keys, KEY_FILES.recovery), 'utf8') : null
    const renew = { tls: true, command: true }
    await makeSuccessor({ keys, next: nextKeysFolder(dir), renew, recovery, vault: null, at: AT })
    expect((await loadKeys(dir, null)).argumentsKey).toEqual(key)
  },
)

it('is in the recovery file', async () => {
  const snapshot = join(dir, 'snapshot')
  writeFileSync(snapshot, 'database')
  const file = join(dir, 'file')
  const manifest = { version: '1', saved_at: AT, fingerprint: 'f' }
  const passphrase = 'correct horse battery'
  await packRecoveryFile({
    file,
    keys: keysFolder(dir),
    vault: null,
    snapshot,
    passphrase,
    manifest,
  })
  const into = join(dir, 'into')
  await unpackRecoveryFile({ file, into, passphrase })
  expect(readFileSync(join(into, 'keys', NAME))).toEqual(readFileSync(join(keysFolder(dir), NAME)))
})

it('is moved aside if it is damaged, and does not block the start', () => {
  writeFileSync(join(keysFolder(dir), NAME), 'x')
  const { issues, repairs } = judgeKeys(inspectKeys(dir, null), NEEDED, null)
  expect(issues).toContainEqual({
    code: 'arguments_key_replaceable',
    file: `keys/${NAME}`,
    blocks: false,
  })
  expect(repairs.setAside).toContain('installArguments')
})

it('is reported if it is missing while the database has secrets that it sealed', () => {
  rmSync(join(keysFolder(dir), NAME))
  const issues = (sealedArguments: number) =>
    judgeKeys(inspectKeys(dir, null), { devices: 1, sealedArguments }, null).issues
  expect(issues(1)).toEqual([
    { code: 'arguments_key_replaceable', file: `keys/${NAME}`, blocks: false },
  ])
  // Folders of earlier versions have none.
  expect(issues(0)).toEqual([])
})
