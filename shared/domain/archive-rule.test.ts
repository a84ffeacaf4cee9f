import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARCHIVE_CASES } from './archive-rule.cases.ts'
import { archiveProblem, type ArchiveItem } from './archive-rule.ts'
import { composeProblem } from './coded-texts/compose.ts'
import { ONE_PLAIN_LINE } from './plain-text.ts'

const PLATFORMS = ['linux', 'macos', 'windows'] as const

describe('the rule for archives', () => {
  it.each(ARCHIVE_CASES)('decides on an archive with $what', ({ items, refused }) => {
    for (const platform of PLATFORMS) {
      const problem = archiveProblem(items, platform)
      const words = problem && composeProblem(problem)
      if (refused[platform] === undefined) expect(words).toBeNull()
      else expect(words).toContain(refused[platform])
    }
  })

  it.each(['../a\u202egpj.exe', '../a\u009b31m', '../a\u007f', '../a\u200b.exe', '../a\ud800'])(
    'shows the misleading characters of %j as such',
    (name) => {
      const problem = archiveProblem([{ name, type: 'file' }], 'linux')
      const words = composeProblem(problem!)
      expect(words).toMatch(ONE_PLAIN_LINE)
      expect(words).toContain('../a\ufffd')
    },
  )

  it('takes time proportional to the names, however deep they are', () => {
    const deep = 'a/'.repeat(500)
    const items: ArchiveItem[] = Array.from({ length: 2_000 }, (_, i) => ({
      name: `${deep}${i}`,
      type: 'file',
    }))
    const start = performance.now()
    expect(archiveProblem(items, 'linux')).toBeNull()
    expect(performance.now() - start).toBeLessThan(15_000)
    const wide = items.map(({ name }, i) => ({ name: `${i}/${name}`, type: 'file' as const }))
    expect(archiveProblem(wide, 'linux')).toEqual({
      problem: 'archive_too_many_files',
      limit: 100_000,
    })
  })

  it('refuses on Linux exactly the archives with two conflicting entries', () => {
    const name = fc.array(fc.constantFrom('a', 'b', 'A'), { minLength: 1, maxLength: 3 })
    const item = fc.record({
      name: name.map((parts) => parts.join('/')),
      type: fc.constantFrom('file' as const, 'folder' as const),
    })
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), (items) => {
        const files = items.filter(({ type }) => type === 'file').map((one) => one.name)
        const folders = items.flatMap((one) => {
          const parts = one.name.split('/')
          const own = one.type === 'folder' ? parts.length : parts.length - 1
          return Array.from({ length: own }, (_, i) => parts.slice(0, i + 1).join('/'))
        })
        const isSound =
          new Set(files).size === files.length && !files.some((path) => folders.includes(path))
        expect(archiveProblem(items, 'linux') === null).toBe(isSound)
      }),
      { numRuns: 1_000 },
    )
  })
})
