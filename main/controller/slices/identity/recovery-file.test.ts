import { randomUUID } from 'node:crypto'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { unpackRecoveryFile } from './recovery-file.ts'
import { createSeal, newHeader } from './sealing.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-recovery-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const passphrase = 'chosen by the maker of the file'
const MANIFEST = JSON.stringify({
  version: '0.1.0',
  saved_at: '2026-01-01T00:00:00.000Z',
  fingerprint: 'ab',
})
type Part = { name: string; bytes: Buffer; pax?: Record<string, string> }
const manifest = (bytes: number): Part => ({
  name: 'manifest.json',
  bytes: Buffer.from(MANIFEST.padEnd(bytes)),
})
const database = (bytes: number): Part => ({ name: 'deployx.db', bytes: Buffer.alloc(bytes) })

/** Unpacks a file with these parts; its seal is valid. */
async function unpack(parts: readonly Part[]): Promise<unknown> {
  const header = { ...newHeader(), n: 2 ** 14 }
  const seal = await createSeal(passphrase, header, 'deployx recovery file v1')
  const tar = pack()
  for (const { name, bytes, pax } of parts) tar.entry({ name, ...(pax && { pax }) }, bytes)
  tar.finalize()
  const file = join(folder, randomUUID())
  const sealed = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from(`DEPLOYX-RECOVERY-1\n${JSON.stringify(header)}\n`)
    for await (const chunk of tar) yield seal.update(chunk as Buffer)
    yield seal.final()
    yield seal.getAuthTag()
  }
  await pipeline(Readable.from(sealed()), createWriteStream(file))
  return unpackRecoveryFile({ file, into: join(folder, randomUUID()), passphrase })
}

describe('a recovery file from someone else', () => {
  it('is unpacked whatever the size of its database', async () => {
    await expect(unpack([manifest(1_000), database(5_000_000)])).resolves.toMatchObject({
      version: '0.1.0',
    })
  })

  it.each<[string, Part[]]>([
    ['a manifest of 100 KB', [manifest(100_000), database(10)]],
    [
      'a key of 100 KB',
      [manifest(100), { name: 'keys/hub-tls.key', bytes: Buffer.alloc(100_000) }],
    ],
    ['headers of 3 MB', [{ ...manifest(100), pax: { comment: 'x'.repeat(3_000_000) } }]],
    [
      'keys of 3 MB together',
      [
        manifest(100),
        ...Array.from({ length: 50 }, () => ({
          name: 'keys/hub-tls.key',
          bytes: Buffer.alloc(60_000),
        })),
      ],
    ],
  ])('is refused with %s', async (_what, parts) => {
    await expect(unpack(parts)).rejects.toMatchObject({ code: 'E_PASSPHRASE' })
  })
})
