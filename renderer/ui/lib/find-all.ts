/** Text search with the same folding as everywhere else: ignores case and Unicode composition. Pure. */
import { foldedForSearch } from '#shared/domain/folding.ts'

/** Offsets into the original text; `end` is exclusive. */
export type Place = { start: number; end: number }

/** A piece of the folded text from `at` on, and the range it came from; `isPlain`: characters map one to one. */
type Segment = { at: number; from: number; to: number; isPlain: boolean }

const ASCII = /^\p{ASCII}*$/u
/** A unit that folds as a whole: a letter with its marks, or a Hangul syllable; everything between units is ASCII. */
const UNIT = /\p{ASCII}\p{M}+|[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|\P{ASCII}\p{M}*/gu

function foldWithPlaces(text: string): { folded: string; segments: Segment[] } {
  if (ASCII.test(text))
    return {
      folded: text.toLowerCase(),
      segments: [{ at: 0, from: 0, to: text.length, isPlain: true }],
    }
  const known = new Map<string, string>()
  const pieces: string[] = []
  const segments: Segment[] = []
  let at = 0
  function add(from: number, to: number, piece: string, isPlain: boolean): void {
    if (piece === '') return
    const last = segments.at(-1)
    if (isPlain && last?.isPlain && last.to === from) last.to = to
    else segments.push({ at, from, to, isPlain })
    pieces.push(piece)
    at += piece.length
  }
  let done = 0
  for (const { 0: unit, index } of text.matchAll(UNIT)) {
    add(done, index, text.slice(done, index).toLowerCase(), true)
    let piece = known.get(unit)
    if (piece === undefined) known.set(unit, (piece = foldedForSearch(unit)))
    done = index + unit.length
    add(index, done, piece, unit.length === 1 && piece.length === 1)
  }
  add(done, text.length, text.slice(done).toLowerCase(), true)
  return { folded: pieces.join(''), segments }
}

/** The places of `needle` in `text`, at most `limit`, without overlaps. Extended to whole characters where one folds to several. */
export function findAll(text: string, needle: string, limit = 5_000): Place[] {
  const what = foldedForSearch(needle)
  if (what === '') return []
  const { folded, segments } = foldWithPlaces(text)
  const found: Place[] = []
  let lastEnd = 0
  let current = 0
  /** The segment at this offset of the folded text; call it with ascending offsets. */
  function segmentAt(place: number): Segment {
    while (segments[current + 1] && segments[current + 1]!.at <= place) current++
    return segments[current]!
  }
  for (let at = folded.indexOf(what); at >= 0; at = folded.indexOf(what, at + what.length)) {
    const first = segmentAt(at)
    const start = first.isPlain ? first.from + at - first.at : first.from
    const last = segmentAt(at + what.length - 1)
    const end = last.isPlain ? last.from + at + what.length - last.at : last.to
    // A match of only the second half of a folded ß is not a match of its own.
    if (start < lastEnd) continue
    found.push({ start, end })
    lastEnd = end
    if (found.length >= limit) break
  }
  return found
}
