/**
 * The agent extracts the archives that the controller accepts, and refuses all others with the same messages:
 * one table for both.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from 'tar-stream'
import { afterAll, describe, expect, it } from 'vitest'
import { ARCHIVE_CASES } from '#shared/domain/archive-rule.cases.ts'
import type { ArchiveItem } from '#shared/domain/archive-rule.ts'
import { readCoded } from '#shared/domain/coded-texts/codes.ts'
import { devicePlatform } from '../facts/facts.ts'
import { extractTar } from './tar.ts'
import { ArchiveError, createTarget } from './target.ts'

const folder = mkdtempSync(join(tmpdir(), 'deployx-rule-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const TYPES = { file: 'file', folder: 'directory', link: 'symlink', hardlink: 'link' } as const
async function tarOf(items: ArchiveItem[]): Promise<Buffer> {
  const tar = pack()
  for (const item of items)
    tar.entry(
      {
        name: item.name,
        type: TYPES[item.type],
        ...('target' in item ? { linkname: item.target } : {}),
      },
      '',
    )
  tar.finalize()
  const pieces: Buffer[] = []
  for await (const piece of tar) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

describe('an archive on this platform', () => {
  it.each(ARCHIVE_CASES)('with $what', async ({ items, refused }) => {
    const file = join(folder, 'a.tar')
    writeFileSync(file, await tarOf(items))
    const into = mkdtempSync(join(folder, 'x-'))
    const { signal } = new AbortController()
    const target = createTarget(into, 1_000, signal)
    const extracted = extractTar(file, target, signal).then(() => target.finish())
    const words = refused[devicePlatform()]
    if (words === undefined) {
      await extracted
      expect(readdirSync(into)).not.toEqual([])
      return
    }
    const error = await extracted.then(
      () => null,
      (e: unknown) => e,
    )
    expect(error).toBeInstanceOf(ArchiveError)
    const { message, text } = error as ArchiveError
    expect(message).toContain(words)
    expect(readCoded(text.code, text.params)).toEqual(text)
    expect(text.params).toMatchObject({ problem: expect.stringMatching(/^archive_/) as string })
    expect(message).toMatch(/^The archive is not extracted: /)
  })
})
