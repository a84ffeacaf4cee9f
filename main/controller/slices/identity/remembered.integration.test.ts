/** Keys that changed after the database recorded them still belong to it; others do not. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { exchangeKeys, keysFolder, nextKeysFolder } from './key-files.ts'
import { toRemember } from './index.ts'
import { loadKeys, type ControllerKeys } from './keys.ts'
import { belongTogether, parseRemembered } from './remembered.ts'
import { makeSuccessor } from './successor.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'deployx-remembered-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const load = (name: string) => loadKeys(join(root, name), null)
async function change(name: string, how: { tls: boolean; command: boolean } | 'recovery') {
  const dataDir = join(root, name)
  const keys = keysFolder(dataDir)
  await makeSuccessor({
    keys,
    next: nextKeysFolder(dataDir),
    renew: how === 'recovery' ? { tls: true, command: true } : how,
    recovery: how === 'recovery' ? readFileSync(join(keys, 'recovery.key'), 'utf8') : null,
    vault: null,
    at: '2026-01-01T00:00:00.000Z',
  })
  exchangeKeys(dataDir)
  return load(name)
}
const belongs = (before: ControllerKeys, now: ControllerKeys): boolean =>
  belongTogether(parseRemembered(toRemember(before))!, {
    fingerprint: now.fingerprint,
    commandKey: now.command.publicKey,
    succession: now.succession,
  })

it.each([
  ['of the hub', { tls: true, command: false }],
  ['for commands', { tls: false, command: true }],
  ['both', { tls: true, command: true }],
  ['after a recovery', 'recovery'],
] as const)('new keys %s follow the old ones, never the other way round', async (_what, how) => {
  const before = await load('a')
  const after = await change('a', how)
  expect(belongs(before, before)).toBe(true)
  expect(belongs(before, after)).toBe(true)
  expect(belongs(after, before)).toBe(false)
  // Several changes, including across a recovery.
  const later = await change('a', { tls: true, command: true })
  expect(belongs(before, later)).toBe(true)
})

it('keys of another controller never belong, however often they changed', async () => {
  const own = await load('a')
  await load('b')
  await change('b', { tls: true, command: true })
  const other = await change('b', 'recovery')
  expect(belongs(own, other)).toBe(false)
})
