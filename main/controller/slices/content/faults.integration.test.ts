/**
 * Stored files that went bad on the disk: detected by their hashes, never trusted because of their
 * size, replaced by the same bytes.
 */
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Sha256 } from '#shared/domain/ids.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'

const MIB = 1024 * 1024
const SIZE = 3 * MIB + 4_321
let library: TestLibrary
let bytes: Buffer
let sha256: Sha256
beforeEach(async () => {
  library = openLibrary()
  bytes = randomBytes(SIZE)
  sha256 = await store(bytes)
})
afterEach(() => library.close())

const file = () => join(library.dataDir, 'content', sha256.slice(0, 2), sha256)
const arrive = (content: Buffer) =>
  library.content.ingest(Readable.from([content]), { limitBytes: 2 ** 30 })
async function store(content: Buffer): Promise<Sha256> {
  const staged = await arrive(content)
  await staged.commit(() =>
    library.store.sqlite.exec(
      `insert into software (name, version, publisher, origin, created_at) values ('x', '', '', 'library', '2020');
       insert into installers (software_id, platform, arch, kind, file_name, install_args, timeout_seconds, success_exit_codes, sha256, fetch_state)
       values (last_insert_rowid(), 'linux', 'any', 'sh', 'x', '', 1, '[]', '${staged.sha256}', 'none')`,
    ),
  )
  return staged.sha256
}
function flip(at: number): void {
  const damaged = readFileSync(file())
  damaged[at] = damaged[at]! ^ 1
  writeFileSync(file(), damaged)
}
async function reopen(): Promise<void> {
  await library.shut()
  library = openLibrary({ dataDir: library.dataDir })
}
const hashOnDisk = () => createHash('sha256').update(readFileSync(file())).digest('hex')

const DAMAGE: [string, () => void][] = [
  ['one bit of its first byte', () => flip(0)],
  ['one bit in its middle', () => flip(MIB + 7)],
  ['one bit of its last byte', () => flip(SIZE - 1)],
  ['all of it, zeros of the same length', () => writeFileSync(file(), Buffer.alloc(SIZE))],
  ['its end, cut off', () => truncateSync(file(), SIZE - 1)],
  ['all of it, cut to nothing', () => truncateSync(file(), 0)],
  ['its end, with more bytes after it', () => appendFileSync(file(), 'more')],
]

describe('a stored file', () => {
  it.each(DAMAGE)(
    'damaged in %s is detected, and repaired by the same bytes',
    async (_what, damage) => {
      const found: string[] = []
      library.content.onFault((hash) => found.push(hash))
      damage()
      expect(await library.content.check(sha256)).toBe('damaged')
      expect(library.content.faultOf(sha256)).toBe('damaged')
      expect(found).toEqual([sha256])

      await store(bytes)
      expect(hashOnDisk()).toBe(sha256)
      expect(library.content.faultOf(sha256)).toBeNull()
      expect(await library.content.check(sha256)).toBeNull()
      expect(library.count('contents')).toBe(1)
    },
  )

  it.each(DAMAGE)(
    'damaged in %s is repaired by the same bytes even if it was not detected',
    async (_what, damage) => {
      damage()
      await store(bytes)
      expect(hashOnDisk()).toBe(sha256)
      await reopen()
      expect(library.content.faultOf(sha256)).toBeNull()
    },
  )

  it('stays marked as damaged over a restart, until it is repaired', async () => {
    flip(5)
    await library.content.check(sha256)
    await reopen()
    expect(library.content.faultOf(sha256)).toBe('damaged')
    await store(bytes)
    await reopen()
    expect(library.content.faultOf(sha256)).toBeNull()
    expect(await library.content.check(sha256)).toBeNull()
  })

  it.each([
    ['shorter', () => truncateSync(file(), 9)],
    ['longer', () => appendFileSync(file(), '!')],
  ])('that has become %s is marked as damaged at the next start', async (_what, damage) => {
    damage()
    await reopen()
    expect(library.content.faultOf(sha256)).toBe('damaged')
  })

  it('is repaired by the same bytes even if their upload is discarded in the end', async () => {
    flip(5)
    await library.content.check(sha256)
    await (await arrive(bytes)).discard()
    expect(library.content.faultOf(sha256)).toBeNull()
    expect(hashOnDisk()).toBe(sha256)
  })

  it('is not changed by a discarded upload of other bytes', async () => {
    flip(5)
    await library.content.check(sha256)
    await (await arrive(randomBytes(SIZE))).discard()
    expect(library.content.faultOf(sha256)).toBe('damaged')
  })

  it('that was deleted is missing, not damaged', async () => {
    rmSync(file())
    expect(await library.content.check(sha256)).toBe('missing')
  })

  it('is read once for all concurrent checks', () => {
    const first = library.content.check(sha256)
    expect(library.content.check(sha256)).toBe(first)
    return first
  })

  it('is not marked as damaged for a file that was replaced while it was read', async () => {
    flip(SIZE - 1)
    const check = library.content.check(sha256)
    await store(bytes)
    await check
    expect(library.content.faultOf(sha256)).toBeNull()
    expect(await library.content.check(sha256)).toBeNull()
  })

  it('of no bytes is intact', async () => {
    sha256 = await store(Buffer.alloc(0))
    expect(await library.content.check(sha256)).toBeNull()
  })
})
