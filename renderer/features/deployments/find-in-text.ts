/** Finds text inside an element with plain text and highlights it without changing the element. */
import { findAll } from '../../ui/lib/find-all.ts'

export type Found = { count: number; show: (index: number) => void; clear: () => void }

const canHighlight = () => typeof CSS !== 'undefined' && 'highlights' in CSS

/** Highlights all matches of `needle` (found as in every search, at most 5,000). `show` scrolls one of them into view. */
export function findInText(root: HTMLElement, needle: string): Found {
  const nodes: { node: Text; start: number }[] = []
  let text = ''
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push({ node: node as Text, start: text.length })
    text += (node as Text).data
  }
  const ranges = findAll(text, needle).map(({ start, end }) => rangeAt(nodes, start, end))
  const clear = () => {
    if (!canHighlight()) return
    CSS.highlights.delete('find')
    CSS.highlights.delete('find-current')
  }
  clear()
  if (canHighlight() && ranges.length > 0) CSS.highlights.set('find', new Highlight(...ranges))
  return {
    count: ranges.length,
    show(index) {
      const range = ranges[index]
      if (!range) return
      if (canHighlight()) CSS.highlights.set('find-current', new Highlight(range))
      range.startContainer.parentElement?.scrollIntoView({ block: 'nearest' })
      const scroller = root.closest<HTMLElement>('[data-scroller]')
      if (!scroller) return
      const [at, frame] = [range.getBoundingClientRect(), scroller.getBoundingClientRect()]
      if (at.top < frame.top || at.bottom > frame.bottom)
        scroller.scrollTop += at.top - frame.top - frame.height / 2
    },
    clear,
  }
}

function rangeAt(nodes: readonly { node: Text; start: number }[], from: number, to: number): Range {
  const range = document.createRange()
  const place = (offset: number) => {
    let [low, high] = [0, nodes.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (nodes[middle]!.start <= offset) low = middle
      else high = middle - 1
    }
    const { node, start } = nodes[low]!
    return [node, Math.min(offset - start, node.length)] as const
  }
  range.setStart(...place(from))
  range.setEnd(...place(to))
  return range
}
