import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { afterAll, describe, expect, it } from 'vitest'
import { readArchive } from './archive.ts'
import type { Window } from './window.ts'

const MIB = 1024 * 1024
const folder = mkdtempSync(join(tmpdir(), 'deployx-archive-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function tarOf(content: Buffer): Promise<Buffer> {
  const tar = pack()
  tar.entry({ name: 'a' }, content)
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** The progress that reading these bytes makes. */
async function progressOf(bytes: Buffer): Promise<number> {
  const path = join(folder, 'a.tar.gz')
  writeFileSync(path, bytes)
  let total = 0
  const window: Window = {
    path,
    sizeBytes: bytes.length,
    read: (position, length) => bytes.subarray(position, position + length),
    fill: () => 0,
    spend: () => {},
    progressed: (more) => (total += more),
    leftMs: () => 0,
    usedMiB: () => 0,
    close: () => {},
  }
  await readArchive(window, 'tar', [])
  return total
}

describe('reading a packed archive', () => {
  it('counts what it unpacks as progress, so that a slow computer finishes it', async () => {
    const tar = await tarOf(Buffer.from(randomBytes(MIB).toString('hex')))
    const packed = gzipSync(tar)
    expect(await progressOf(packed)).toBe(packed.length + tar.length)
  })

  it('counts little of what a bomb unpacks', async () => {
    const packed = gzipSync(await tarOf(Buffer.alloc(8 * MIB)))
    expect(await progressOf(packed)).toBeLessThan(0.1 * MIB)
  })

  it('counts a tar archive that is not packed once', async () => {
    const tar = await tarOf(Buffer.alloc(MIB))
    expect(await progressOf(tar)).toBe(tar.length)
  })
})
