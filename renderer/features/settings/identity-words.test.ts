import { describe, expect, it } from 'vitest'
import { followedInWords, recoveryInWords } from './identity-words.ts'

describe('PCs that use the new keys after a change', () => {
  it.each([
    [38, 40, '38 of 40 PCs use the new keys; the others switch when they reconnect'],
    [1, 2, '1 of 2 PCs uses the new keys; the other one switches when it reconnects'],
    [0, 1, 'the only PC still uses the old keys; it switches when it reconnects'],
    [0, 9, 'all 9 PCs still use the old keys; they switch when they reconnect'],
    [40, 40, 'all 40 PCs use the new keys'],
    [1, 1, 'the only PC uses the new keys'],
    [0, 0, 'there are no PCs yet'],
  ])('%i of %i', (devices_followed, devices_total, words) => {
    expect(followedInWords({ devices_followed, devices_total })).toBe(words)
  })
})

describe('the recovery file', () => {
  const now = Date.parse('2026-11-23T12:00:00.000Z')
  const [earlier, later] = ['2026-11-23T09:00:00.000Z', '2026-11-23T10:00:00.000Z']
  const words = (
    changed_at: string | null,
    recovery_saved_at: string | null,
    recovery_saved = recovery_saved_at !== null,
  ) => recoveryInWords({ changed_at, recovery_saved, recovery_saved_at }, now)

  it('asks for a first save and says what a loss would mean', () => {
    const { changed, saved, note } = words(null, null)
    expect([changed, saved]).toEqual(['never, since the first start', 'never saved'])
    expect(note?.text).toContain('you have to enrol every PC again')
  })
  it('needs no note when newer than the keys', () => {
    expect(words(earlier, later)).toEqual({
      changed: '3 h ago',
      saved: 'saved 2 h ago',
      note: null,
    })
    expect(words(null, earlier).note).toBeNull()
  })
  it('asks for another save when older than the keys or of unknown age', () => {
    expect(words(later, earlier)).toMatchObject({
      saved: 'saved 3 h ago, before the keys were changed',
      note: { title: 'The recovery file is older than the keys' },
    })
    expect(words(later, null, true).note).not.toBeNull()
  })
})
