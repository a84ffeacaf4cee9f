/**
 * Masks known secret values in any text, even if the text arrives in pieces that split a value. One automaton for all values
 * (Aho and Corasick, 1975): linear in the length of the text, however many values there are. Pure.
 */
import { SECRET_MASK } from './secret-mask.ts'

/** Values shorter than this are hidden only as whole words: "abc" in "abc.", not in "abcde". */
const WHOLE_WORD_BELOW = 6
/** Minimum length at which the start of a value is hidden at the end of a text. */
const BEGINNING_FROM = 4

type Node = {
  next: Map<number, Node>
  fail: Node
  depth: number
  /** The length of the longest value that ends here; 0: none. */
  longest: number
  /** Lengths of the short values that end here. */
  short: number[]
}
type Place = [start: number, end: number]

/** Text received but not passed on yet, because it may be the start of a value. */
export type HeldText = {
  text: string
  /** Number of first characters that belong to a value whose mask was already passed on. */
  covered: number
}
export const NOTHING_HELD: HeldText = { text: '', covered: 0 }

export type ValueMask = {
  /** Positions of values, in order, overlapping ones joined. */
  places: (text: string) => Place[]
  /** Masks a complete text. */
  mask: (text: string) => string
  /** Masks the next piece of a text. Pass the returned `held` to the next call. */
  feed: (held: HeldText, piece: string) => { text: string; held: HeldText }
  /** Masks the rest at the end of a text. */
  end: (held: HeldText) => string
}

const isWordCharacter = (c: string | undefined): boolean =>
  c !== undefined && /[\p{L}\p{N}_]/u.test(c)

function buildTree(values: readonly string[]): Node {
  const root = { next: new Map(), depth: 0, longest: 0, short: [] } as unknown as Node
  root.fail = root
  for (const value of values) {
    let node = root
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      let child = node.next.get(code)
      if (!child) {
        child = { next: new Map(), fail: root, depth: i + 1, longest: 0, short: [] }
        node.next.set(code, child)
      }
      node = child
    }
    if (value.length < WHOLE_WORD_BELOW) node.short.push(value.length)
    else node.longest = value.length
  }
  const queue = [...root.next.values()]
  for (const node of queue)
    for (const [code, child] of node.next) {
      let at = node.fail
      while (at !== root && !at.next.has(code)) at = at.fail
      child.fail = at.next.get(code) ?? root
      child.longest ||= child.fail.longest
      child.short.push(...child.fail.short)
      queue.push(child)
    }
  return root
}

function joined(places: Place[]): Place[] {
  const result: Place[] = []
  for (const [start, end] of places.sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (last && start <= last[1]) last[1] = Math.max(last[1], end)
    else result.push([start, end])
  }
  return result
}

export function createValueMask(values: Iterable<string>): ValueMask {
  const root = buildTree(
    [...new Set(values)].filter((value) => value.trim() !== '' && value !== SECRET_MASK),
  )

  /** @param isEnd false: a short value at the end may continue in the next piece */
  function scan(text: string, isEnd: boolean): { places: Place[]; heldFrom: number } {
    const places: Place[] = []
    let node = root
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      while (node !== root && !node.next.has(code)) node = node.fail
      node = node.next.get(code) ?? root
      if (node.longest > 0) places.push([i + 1 - node.longest, i + 1])
      for (const length of node.short) {
        const start = i + 1 - length
        const isWhole =
          !isWordCharacter(text[start - 1]) &&
          !isWordCharacter(text[i + 1]) &&
          (isEnd || i + 1 < text.length)
        if (isWhole) places.push([start, i + 1])
      }
    }
    return { places: joined(places), heldFrom: text.length - node.depth }
  }

  function replace(text: string, places: readonly Place[], from: number, to: number): string {
    let masked = ''
    let at = from
    for (const [start, end] of places) {
      // A mask for what starts before `from` was already passed on.
      if (start >= from) masked += text.slice(at, start) + SECRET_MASK
      at = Math.max(at, end)
    }
    return at < to ? masked + text.slice(at, to) : masked
  }

  const mask = (text: string): string => replace(text, scan(text, true).places, 0, text.length)

  return {
    places: (text) => scan(text, true).places,
    mask,
    feed(held, piece) {
      const text = held.text + piece
      const { places, heldFrom } = scan(text, false)
      const covered: Place[] = held.covered > 0 ? [[0, held.covered]] : []
      const all = joined([...covered, ...places])
      const from = held.covered > 0 ? (all[0]?.[1] ?? 0) : 0
      const begun = all.filter(([start]) => start < heldFrom && start >= from)
      const reach = Math.max(from, begun.at(-1)?.[1] ?? 0)
      return {
        text: replace(text, begun, from, Math.max(heldFrom, from)),
        held: {
          text: text.slice(heldFrom),
          covered: Math.max(0, Math.min(reach, text.length) - heldFrom),
        },
      }
    },
    end({ text, covered }) {
      const { places, heldFrom } = scan(text, true)
      const beginning: Place[] =
        text.length - heldFrom >= BEGINNING_FROM ? [[heldFrom, text.length]] : []
      const all = joined([...(covered > 0 ? [[0, covered] as Place] : []), ...places, ...beginning])
      const from = covered > 0 ? (all[0]?.[1] ?? 0) : 0
      return replace(
        text,
        all.filter(([start]) => start >= from),
        from,
        text.length,
      )
    },
  }
}
