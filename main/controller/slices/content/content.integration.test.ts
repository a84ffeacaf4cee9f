import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SoftwareId } from '#shared/domain/ids.ts'
import { installers } from '../../store/schema/index.ts'
import { openLibrary, type TestLibrary } from '../../test-kit/library.ts'
import type { Staged } from './index.ts'

const MIB = 1024 * 1024
const LIMIT = { limitBytes: 64 * MIB }
const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
/** In pieces that do not align with chunks. */
const streamOf = (bytes: Buffer, piece = 65_537): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece)
    })(),
    { objectMode: false },
  )
const code = (wanted: string) => expect.objectContaining({ code: wanted }) as Error

let library: TestLibrary
beforeEach(() => {
  library = openLibrary()
})
afterEach(() => library.close())

/** A row that names the content, as an installer does. */
function nameIt(staged: Pick<Staged, 'sha256' | 'sizeBytes'>, to = library): SoftwareId {
  to.store.sqlite
    .prepare(
      "insert into software (name, version, publisher, origin, created_at) values ('x', '', '', 'library', '2020')",
    )
    .run()
  const { id } = to.store.sqlite.prepare('select max(id) id from software').get() as {
    id: SoftwareId
  }
  to.store.db
    .insert(installers)
    .values({
      software_id: id,
      platform: 'linux',
      arch: 'any',
      kind: 'sh',
      file_name: 'x.sh',
      install_args: '',
      timeout_seconds: 1,
      success_exit_codes: [],
      sha256: staged.sha256,
      size_bytes: staged.sizeBytes,
      fetch_state: 'none',
    })
    .run()
  return id
}
const keep = async (staged: Staged) => staged.commit(() => nameIt(staged))
const filesOf = (bytes: Buffer) => [`${hashOf(bytes).slice(0, 2)}/${hashOf(bytes)}`]

describe('incoming content', () => {
  it.each([0, 1, 65_536, MIB - 1, MIB, MIB + 1, 3 * MIB, 5 * MIB + 12_345])(
    'is stored byte for byte under its SHA-256, with the hash of every chunk (%i bytes)',
    async (size) => {
      const bytes = randomBytes(size)
      const staged = await library.content.ingest(streamOf(bytes), LIMIT)
      expect(staged.sha256).toBe(hashOf(bytes))
      expect(staged.sizeBytes).toBe(size)
      expect(library.content.sizeBytes(staged.sha256)).toBeNull()
      await keep(staged)
      expect(library.files()).toEqual(filesOf(bytes))
      const file = join(library.dataDir, 'content', filesOf(bytes)[0]!)
      expect(readFileSync(file).equals(bytes)).toBe(true)
      expect(library.content.sizeBytes(staged.sha256)).toBe(size)
      const hashes = library.content.chunkHashes(staged.sha256)!
      const expected: string[] = []
      for (let at = 0; at < size; at += MIB) expected.push(hashOf(bytes.subarray(at, at + MIB)))
      expect(hashes.toString('hex')).toBe(expected.join(''))
      if (process.platform !== 'win32') {
        expect(statSync(file).mode & 0o777).toBe(0o600)
        expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700)
        expect(statSync(join(library.dataDir, 'content', 'tmp')).mode & 0o777).toBe(0o700)
      }
    },
  )

  it('may arrive in pieces larger than a chunk', async () => {
    const bytes = randomBytes(7 * MIB + 3)
    const staged = await library.content.ingest(streamOf(bytes, 5 * MIB), LIMIT)
    expect(staged.sha256).toBe(hashOf(bytes))
    await keep(staged)
    const file = join(library.dataDir, 'content', filesOf(bytes)[0]!)
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  it('is stored once if the same bytes arrive twice at the same time', async () => {
    const bytes = randomBytes(3 * MIB)
    const both = await Promise.all([
      library.content.ingest(streamOf(bytes), LIMIT),
      library.content.ingest(streamOf(bytes, 1_000_003), LIMIT),
    ])
    await Promise.all(both.map(keep))
    expect(library.files()).toEqual(filesOf(bytes))
    expect(library.count('contents')).toBe(1)
    expect(library.count('installers')).toBe(2)
    // And once more, later.
    await keep(await library.content.ingest(streamOf(bytes), LIMIT))
    expect(library.files()).toEqual(filesOf(bytes))
    expect(library.count('contents')).toBe(1)
  })

  it('stays if the same bytes arrive again and that transaction fails', async () => {
    const bytes = randomBytes(MIB)
    await keep(await library.content.ingest(streamOf(bytes), LIMIT))
    const again = await library.content.ingest(streamOf(bytes), LIMIT)
    await expect(
      again.commit(() => {
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(library.files()).toEqual(filesOf(bytes))
    expect(library.content.sizeBytes(again.sha256)).toBe(MIB)
  })

  it('is not lost if uploads of the same bytes fail while one is being committed', async () => {
    for (let round = 0; round < 15; round++) {
      const bytes = randomBytes(5000)
      const staged = await Promise.all(
        Array.from({ length: 6 }, () => library.content.ingest(streamOf(bytes), LIMIT)),
      )
      const [good, ...bad] = staged
      const commits: Promise<unknown>[] = []
      for (const one of bad) {
        const failing = one.commit(() => {
          throw new Error('no')
        })
        failing.catch(() => undefined) // checked below, with the others
        commits.push(failing)
        if (commits.length === 2) commits.push(keep(good!))
        // Each slightly further along than the next.
        for (let i = 0; i < round; i++) await new Promise((resolve) => setImmediate(resolve))
      }
      const ends = await Promise.allSettled(commits)
      expect(ends.filter((end) => end.status === 'fulfilled')).toHaveLength(1)
      expect(statSync(join(library.dataDir, 'content', filesOf(bytes)[0]!)).size).toBe(5000)
    }
    expect(library.count('contents')).toBe(15)
  })

  it('replaces a stored file of the wrong length', async () => {
    const bytes = randomBytes(MIB)
    await keep(await library.content.ingest(streamOf(bytes), LIMIT))
    const file = join(library.dataDir, 'content', filesOf(bytes)[0]!)
    writeFileSync(file, 'cut off')
    await keep(await library.content.ingest(streamOf(bytes), LIMIT))
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })
})

describe('content that is not committed', () => {
  const nothing = () => {
    expect(library.files()).toEqual([])
    expect(library.count('contents')).toBe(0)
  }

  it('leaves nothing if it is discarded', async () => {
    const staged = await library.content.ingest(streamOf(randomBytes(MIB)), LIMIT)
    expect(library.files()).toHaveLength(1)
    await staged.discard()
    nothing()
  })

  it('leaves nothing if its transaction fails', async () => {
    const staged = await library.content.ingest(streamOf(randomBytes(MIB)), LIMIT)
    const failing = staged.commit(() => {
      nameIt(staged)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    nothing()
  })

  it('leaves nothing if its sender disconnects', async () => {
    const source = new PassThrough()
    const taking = library.content.ingest(source, LIMIT)
    source.write(randomBytes(3 * MIB))
    setTimeout(() => source.destroy(new Error('connection reset')), 50)
    await expect(taking).rejects.toThrow(code('E_UPLOAD_ABORTED'))
    nothing()
  })

  it('leaves nothing if its sender stops sending', async () => {
    const source = new PassThrough()
    const taking = library.content.ingest(source, { ...LIMIT, idleTimeoutMs: 60 })
    source.write(randomBytes(100))
    await expect(taking).rejects.toThrow('No data arrived')
    nothing()
  })

  it('leaves nothing if it is stopped, before or while it arrives', async () => {
    const stop = new AbortController()
    const source = new PassThrough()
    const taking = library.content.ingest(source, { ...LIMIT, signal: stop.signal })
    source.write(randomBytes(100))
    setTimeout(() => stop.abort(), 20)
    await expect(taking).rejects.toThrow(code('E_UPLOAD_ABORTED'))
    const late = library.content.ingest(new PassThrough(), { ...LIMIT, signal: stop.signal })
    await expect(late).rejects.toThrow(code('E_UPLOAD_ABORTED'))
    nothing()
  })

  it('leaves nothing if it exceeds the limit, known beforehand or not', async () => {
    const bytes = randomBytes(2 * MIB)
    const limitBytes = 2 * MIB - 1
    await expect(library.content.ingest(streamOf(bytes), { limitBytes })).rejects.toThrow(
      code('E_TOO_LARGE'),
    )
    const source = new PassThrough()
    await expect(
      library.content.ingest(source, { limitBytes, sizeBytes: 2 * MIB }),
    ).rejects.toThrow(code('E_TOO_LARGE'))
    nothing()
    const exact = await library.content.ingest(streamOf(bytes), { limitBytes: 2 * MIB })
    expect(exact.sizeBytes).toBe(2 * MIB)
  })

  it('is refused before the first byte if the disk has no room for it', async () => {
    const source = new PassThrough()
    const taking = library.content.ingest(source, {
      limitBytes: Number.MAX_SAFE_INTEGER,
      sizeBytes: 2 ** 52,
    })
    await expect(taking).rejects.toThrow(code('E_DISK_FULL'))
    expect(source.destroyed).toBe(false)
    nothing()
  })
})

const canMount = process.platform === 'linux' && process.getuid?.() === 0
if (!canMount)
  process.stderr.write('SKIPPED: the full-disk test needs Linux and root, to mount a tmpfs\n')

describe.skipIf(!canMount)('a disk that fills up during an upload', () => {
  let mount: string
  let small: TestLibrary
  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'deployx-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', mount])
    mkdirSync(join(mount, 'data'))
    small = openLibrary({ dataDir: join(mount, 'data') })
  })
  afterEach(async () => {
    await small.shut()
    execFileSync('umount', [mount])
    rmSync(mount, { recursive: true })
  })

  it('causes a clear error, leaves nothing behind, and accepts the next smaller file', async () => {
    const taking = small.content.ingest(streamOf(randomBytes(12 * MIB)), LIMIT)
    await expect(taking).rejects.toThrow(code('E_DISK_FULL'))
    expect(small.files()).toEqual([])
    expect(small.count('contents')).toBe(0)
    const bytes = randomBytes(MIB)
    const staged = await small.content.ingest(streamOf(bytes), LIMIT)
    await staged.commit(() => nameIt(staged, small))
    expect(small.files()).toEqual(filesOf(bytes))
  })
})

describe('unreferenced content', () => {
  it('is removed on request, and nothing else', async () => {
    const [kept, dropped] = [randomBytes(100), randomBytes(200)]
    await keep(await library.content.ingest(streamOf(kept), LIMIT))
    const id = await keep(await library.content.ingest(streamOf(dropped), LIMIT))
    expect(library.content.collectGarbage()).toBe(0)
    library.store.sqlite
      .prepare('update installers set sha256 = null where software_id = ?')
      .run(id)
    expect(library.content.collectGarbage()).toBe(1)
    expect(library.files()).toEqual(filesOf(kept))
    expect(library.count('contents')).toBe(1)
  })

  it('is cleared at start: partial files, rows without a name; files without a row are moved aside', async () => {
    const [kept, dropped] = [randomBytes(100), randomBytes(200)]
    await keep(await library.content.ingest(streamOf(kept), LIMIT))
    const id = await keep(await library.content.ingest(streamOf(dropped), LIMIT))
    library.store.sqlite
      .prepare('update installers set sha256 = null where software_id = ?')
      .run(id)
    const content = join(library.dataDir, 'content')
    writeFileSync(join(content, 'tmp', 'half'), 'half')
    mkdirSync(join(content, '00'), { recursive: true })
    writeFileSync(join(content, '00', '0'.repeat(64)), 'stray')
    await library.shut()
    const again = openLibrary({ dataDir: library.dataDir })
    expect(again.files()).toEqual(filesOf(kept))
    expect(again.count('contents')).toBe(1)
    expect(again.aside()).toEqual(['0'.repeat(64)])
    await again.shut()
    library = openLibrary({ dataDir: library.dataDir })
  })

  it('is distinguished from a stored file that is missing, which is logged', async () => {
    const bytes = randomBytes(100)
    await keep(await library.content.ingest(streamOf(bytes), LIMIT))
    rmSync(join(library.dataDir, 'content', filesOf(bytes)[0]!))
    await library.shut()
    library = openLibrary({ dataDir: library.dataDir })
    expect(library.logged()).toContain('a stored file is missing')
    expect(library.logged()).toContain(hashOf(bytes))
    expect(library.count('contents')).toBe(1)
  })
})
