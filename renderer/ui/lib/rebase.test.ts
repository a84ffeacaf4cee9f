import { describe, expect, it } from 'vitest'
import { collisions, groupNews, rebaseGroup, type GroupDraft } from './rebase.ts'

const group = (name: string, ...members: number[]): GroupDraft => ({
  name,
  members: new Set(members),
})
const nameOf = (id: number) => `PC-${id}`

describe('a group changed by someone else during editing', () => {
  it('keeps the PCs that both have added and removed', () => {
    const before = group('Kasse', 1, 2, 3)
    const mine = group('Kasse', 1, 3, 4)
    const theirs = group('Kasse', 2, 3, 5)
    expect(rebaseGroup(mine, before, theirs)).toEqual(group('Kasse', 3, 5, 4))
  })
  it('takes the new name unless it was edited here', () => {
    const [before, after] = [group('Kasse'), group('Kassen')]
    expect(rebaseGroup(group('Kasse', 1), before, after)).toEqual(group('Kassen', 1))
    expect(rebaseGroup(group('Till'), before, after).name).toBe('Till')
  })
  it('describes what has changed', () => {
    expect(groupNews(group('Kasse', 1, 2), group('Kassen', 2, 3), nameOf)).toBe(
      'renamed to Kassen, added PC-3, removed PC-1',
    )
    expect(groupNews(group('Kasse'), group('Kasse', 1, 2, 3, 4, 5), nameOf)).toBe(
      'added PC-1, PC-2, PC-3 and 2 more',
    )
    expect(groupNews(group('Kasse', 1), group('Kasse', 1), nameOf)).toBe('')
  })
})

describe('a field', () => {
  const before = { version: '1', publisher: 'A' }
  it('conflicts only when both changed it to different values', () => {
    expect(
      collisions({ version: '2', publisher: 'A' }, before, { version: '3', publisher: 'B' }),
    ).toEqual(['version'])
    expect(
      collisions({ version: '2', publisher: 'A' }, before, { version: '2', publisher: 'A' }),
    ).toEqual([])
  })
})
