/** The state folder on a real disk. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DeviceId } from '#shared/domain/ids.ts'
import { identify } from '../lib/processes.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { openIdentity, peekIdentity, verifies } from './identity.ts'
import { lockHolder, lockStateFolder, prepareStateFolder } from './state-folder.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

describe('a state folder', () => {
  it('is created for this user only', () => {
    const state = prepareStateFolder(join(folder.path, 'a', 'b'))
    expect(statSync(state.path).mode & 0o777).toBe(0o700)
    expect(statSync(state.attemptsDir).mode & 0o777).toBe(0o700)
  })

  it('that cannot be created is reported with the reason', () => {
    writeFileSync(join(folder.path, 'file'), '')
    expect(() => prepareStateFolder(join(folder.path, 'file', 'x'))).toThrow(
      /^The state folder .* cannot be used/,
    )
  })

  const isRoot = process.getuid?.() === 0
  it.skipIf(!isRoot)('that somebody else created is refused and left unchanged', () => {
    const path = join(folder.path, 'state')
    mkdirSync(path, { mode: 0o755 })
    chownSync(path, 65_534, 65_534)
    expect(() => prepareStateFolder(path)).toThrow(/another user's/)
    expect(statSync(path).mode & 0o777).toBe(0o755)
    const link = join(folder.path, 'link')
    symlinkSync(path, link)
    expect(() => prepareStateFolder(link)).toThrow(/is not a folder|another user's/)
  })
  it.skipIf(!isRoot).each(['identity.json', 'journal.log', 'agent.lock', 'status.json'])(
    'that contains somebody else’s %s is refused',
    (name) => {
      const { path } = prepareStateFolder(join(folder.path, 'state'))
      writeFileSync(join(path, name), '{}')
      chownSync(join(path, name), 65_534, 65_534)
      expect(() => prepareStateFolder(path)).toThrow(/another user's/)
    },
  )
  it('in which a file or the folder of attempts is a link is refused', () => {
    const { path, attemptsDir } = prepareStateFolder(join(folder.path, 'state'))
    symlinkSync('/etc/passwd', join(path, 'identity.json'))
    expect(() => prepareStateFolder(path)).toThrow(/is not a file/)
    rmSync(join(path, 'identity.json'))
    rmSync(attemptsDir, { recursive: true })
    symlinkSync(folder.path, attemptsDir)
    expect(() => prepareStateFolder(path)).toThrow(/is not a folder/)
  })
  it('with open permissions is restricted, including its contents', () => {
    const { path, identityFile } = prepareStateFolder(join(folder.path, 'state'))
    writeFileSync(identityFile, '{}')
    chmodSync(identityFile, 0o666)
    chmodSync(path, 0o777)
    prepareStateFolder(path)
    expect(statSync(path).mode & 0o777).toBe(0o700)
    expect(statSync(identityFile).mode & 0o777).toBe(0o600)
  })

  it('is locked by one agent, and free again afterwards', () => {
    const state = prepareStateFolder(folder.path)
    const unlock = lockStateFolder(state)
    expect(() => lockStateFolder(state)).toThrow(/Another agent/)
    expect(lockHolder(state)?.pid).toBe(process.pid)
    unlock()
    expect(lockHolder(state)).toBeNull()
    lockStateFolder(state)()
  })

  it('is taken over from a dead agent, even if its process id is in use again', () => {
    const state = prepareStateFolder(folder.path)
    const reused = { ...identify(process.pid), start: '1' }
    for (const stale of [JSON.stringify(reused), '{"pid":', '']) {
      writeFileSync(state.lockFile, stale)
      expect(lockHolder(state)).toBeNull()
      lockStateFolder(state)()
      expect(existsSync(state.lockFile)).toBe(false)
    }
  })
})

describe('an identity', () => {
  const enrollment = {
    device_id: DeviceId.parse(4),
    command_key: 'A'.repeat(59),
    key_id: 'k',
    fingerprint: `sha256/${'A'.repeat(43)}=`,
    addresses: ['h:1'],
    secret_hash: '',
    recovery_key: 'B'.repeat(59),
    generation: 0,
    epoch: 0,
  }

  it('keeps its key, its name and its enrolment in a file for this user only', () => {
    const file = join(folder.path, 'identity.json')
    const first = openIdentity(file)
    first.setName('pc')
    first.setEnrollment(enrollment)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const second = openIdentity(file)
    expect(second.publicKey).toBe(first.publicKey)
    expect(peekIdentity(file)).toMatchObject({ name: 'pc', enrollment })
    expect(verifies(first.publicKey, 'text', second.sign('text'))).toBe(true)
    expect(verifies(first.publicKey, 'other text', second.sign('text'))).toBe(false)
    expect(verifies('no key', 'text', second.sign('text'))).toBe(false)
  })

  it('that is damaged is never replaced with a new one', () => {
    const file = join(folder.path, 'identity.json')
    writeFileSync(file, '{"version":1}')
    expect(() => openIdentity(file)).toThrow(/cannot be read/)
    writeFileSync(file, 'half a fi')
    expect(() => openIdentity(file)).toThrow(/cannot be read/)
  })
})
