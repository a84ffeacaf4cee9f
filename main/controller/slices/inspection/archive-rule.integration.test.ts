/** The controller's inspection of archives, with the same table of cases as the tests of the agent's extraction. */
import { pack } from 'tar-stream'
import { afterAll, describe, expect, it } from 'vitest'
import { ARCHIVE_CASES } from '#shared/domain/archive-rule.cases.ts'
import type { ArchiveItem } from '#shared/domain/archive-rule.ts'
import { ONE_PLAIN_LINE } from '#shared/domain/plain-text.ts'
import { openInspector } from '../../test-kit/inspector.ts'
import { makeZipOf } from '../../test-kit/zip-files.ts'

const inspector = openInspector({ limits: { timeMs: 60_000 } })
afterAll(() => inspector.close())

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

describe('the inspection of an archive', () => {
  it.each(['a.zip', 'a.tar'])('shows misleading characters in the names of %s', async (file) => {
    const name = '../a\u202egpj\u009b\u007f.exe'
    const bytes =
      file === 'a.zip' ? makeZipOf({ [name]: 'x' }) : await tarOf([{ name, type: 'file' }])
    await expect(inspector.look(file, bytes)).rejects.toMatchObject({
      code: 'E_PACKAGE_UNREADABLE',
      message: expect.stringMatching(ONE_PLAIN_LINE) as string,
    })
    await expect(inspector.look(file, bytes)).rejects.toThrow('../a\ufffdgpj\ufffd\ufffd.exe')
  })

  it.each(ARCHIVE_CASES)('with $what', async ({ items, refused }) => {
    const looking = inspector.look('a.tar', await tarOf(items))
    const { linux, macos, windows } = refused
    if (linux !== undefined && macos !== undefined && windows !== undefined) {
      await expect(looking).rejects.toMatchObject({
        code: 'E_PACKAGE_UNREADABLE',
        message: expect.stringContaining(linux) as string,
      })
      return
    }
    const { problems } = (await looking).archive!
    expect(Object.keys(problems).sort()).toEqual(Object.keys(refused).sort())
    for (const platform of ['linux', 'macos', 'windows'] as const)
      if (refused[platform] !== undefined) expect(problems[platform]).toContain(refused[platform])
  })
})
