/** The full-text index: which rows its query finds. It may find more than match, never fewer. */
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { foldedForSearch } from '#shared/domain/folding.ts'
import { createTextSearch, joinParts, rarestPart, type TextSearch } from './text-search.ts'

let sqlite: Database.Database
let search: TextSearch
beforeEach(() => {
  sqlite = new Database(':memory:')
  sqlite.exec(`
    create table search_terms (term text primary key not null) without rowid;
    create table search_progress (name text primary key not null, up_to integer not null);
    create virtual table things using fts5(text, content='', columnsize=0, detail=none, tokenize="trigram case_sensitive 1");`)
  search = createTextSearch(sqlite, 'things')
})
afterEach(() => sqlite.close())

const add = (...texts: string[]): void =>
  search.add(texts.map((text, i) => ({ id: search.upTo() + i + 1, text })))
/** Ids of the indexed rows, as the index alone finds them. */
function found(...texts: string[]): unknown[] {
  const match = search.query(texts)
  if (match === null) return []
  return sqlite
    .prepare('select rowid from things where things match ? order by rowid')
    .pluck()
    .all(match)
}

describe('a search', () => {
  beforeEach(() => add('Übernahme BÜRO', 'Straße 7', 'VLC 3.0', 'é'))

  it.each([
    ['büro', [1]],
    ['BÜRO'.normalize('NFD'), [1]],
    ['STRASSE', [2]],
    ['straße', [2]],
    ['vlc', [3]],
    ['vlc 3.0', [3]],
    ['vlc 3.1', []],
    ['nobody', []],
  ])('ignores case and composition: %s', (text, ids) => {
    expect(found(text)).toEqual(ids)
  })

  it.each([
    ['v', [3]],
    ['vl', [3]],
    ['0', [3]],
    ['.0', [3]],
    ['7', [2]],
    ['É', [4]],
    ['e', [1, 2]],
    ['x', []],
    ['xy', []],
  ])('finds one and two characters anywhere in a text: %s', (text, ids) => {
    expect(found(text)).toEqual(ids)
  })

  it('finds rows that contain all of several texts, and ignores empty ones', () => {
    expect(found('vlc', '', '3')).toEqual([3])
    expect(found('vlc', 'büro')).toEqual([])
    expect(search.query(['', ''])).toBeNull()
  })
})

const HOSTILE = [
  '"',
  '""',
  '"""',
  "'",
  '*',
  'vlc*',
  '"vlc" OR "a"',
  'vlc OR büro',
  'NOT vlc',
  'vlc NEAR büro',
  'text:vlc',
  '{text}: vlc',
  '^vlc',
  '-vlc',
  '+ vlc',
  '(vlc',
  'vlc)',
  '%',
  '_',
  '\\',
  '\n',
  'a\nb',
  '💥',
  '👩‍💻x',
  '\u{10ffff}',
]

describe('characters with a meaning in queries', () => {
  it.each(HOSTILE)('are literal: %j', (text) => {
    add('vlc and büro and a', `before ${text} after`, 'none')
    expect(found(text)).toContain(2)
    // Only what is a part of the row's own text.
    for (const [i, row] of ['vlc and büro and a', 'none'].entries())
      if (text.length > 2 && !foldedForSearch(row).includes(foldedForSearch(text)))
        expect(found(text)).not.toContain(i === 0 ? 1 : 3)
  })

  it('never reach the full-text query as a NUL, which would cut it off', () => {
    add('a\0bcd')
    expect(search.query(['a\0b'])).toBeNull()
    expect(found('bcd')).toEqual([1])
  })

  it('form a query of limited length', () => {
    const long = Array.from({ length: 2_000 }, (_, i) => i).join('-')
    add(long, 'other')
    expect(found(long)).toEqual([1])
    expect(search.query([long])!.length).toBeLessThan(1_000)
  })
})

describe('the rarest part of a name', () => {
  const rows = [
    { name: 'technician-1', rows: 100 },
    { name: 'Technician-2', rows: 50 },
    { name: 'anna', rows: 900 },
  ]
  it.each([
    ['technician-2', 'n-2'],
    ['TECHNICIAN-1', 'n-1'],
    ['anna', 'ann'],
    ['jo', 'jo'],
    ['nobody', 'nob'],
  ])('%s: %s', (name, part) => {
    expect(rarestPart(name, rows)).toBe(part)
  })

  it('finds the rows of the whole name', () => {
    add(...rows.map(({ name }) => joinParts([name, 'login'])))
    expect(found(rarestPart('technician-2', rows))).toEqual([2])
  })
})

describe('the index', () => {
  it('never finds a text that spans two parts of a row', () => {
    add(joinParts(['anna', 'login']))
    expect(found('annal')).toEqual([])
    expect(found('anna')).toEqual([1])
    expect(found('login')).toEqual([1])
  })

  it('remembers how far it is, in the transaction of the rows', () => {
    add('one', 'two')
    expect(search.upTo()).toBe(2)
    expect(() =>
      sqlite.transaction(() => {
        add('three')
        throw new Error('rolled back')
      })(),
    ).toThrow('rolled back')
    expect(search.upTo()).toBe(2)
    expect(found('three')).toEqual([])
    expect(createTextSearch(sqlite, 'things').upTo()).toBe(2)
    search.add([])
    expect(search.upTo()).toBe(2)
  })
})
