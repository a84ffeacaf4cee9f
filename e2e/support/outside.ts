/** Finds content that is not visible because it is outside the window or clipped. */
import type { Page } from '@playwright/test'

/** The parts of the DOM that this check uses: the specs are Node programs. */
type Box = { left: number; right: number; width: number; height: number }
type Part = {
  tagName: string
  className: unknown
  id: string
  parentElement: Part | null
  scrollWidth: number
  clientWidth: number
  scrollHeight: number
  clientHeight: number
  textContent: string | null
  getAttribute: (name: string) => string | null
  getBoundingClientRect: () => Box
  closest: (selector: string) => Part | null
}
type Style = {
  overflowX: string
  textOverflow: string
  visibility: string
  display: string
  webkitLineClamp: string
}
type Look = {
  innerWidth: number
  document: { documentElement: Part; body: Part; querySelectorAll: (s: string) => Iterable<Part> }
  getComputedStyle: (part: Part) => Style
}

/**
 * Finds elements that extend beyond the window, clipped content, and elements that scroll sideways. Allowed:
 * text that ends in an ellipsis, and content for screen readers only, as long as it takes no space. @returns
 * one line each, empty if all is well
 */
export async function findOutside(page: Page): Promise<string[]> {
  return await page.evaluate(() => {
    const look = globalThis as unknown as Look
    const { documentElement: root, body } = look.document
    const width = root.clientWidth
    const found: string[] = []
    const name = (part: Part): string => {
      const test = part.closest('[data-testid]')?.getAttribute('data-testid') ?? ''
      const text = (part.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 40)
      return `${part.tagName.toLowerCase()}.${String(part.className).split(' ').slice(0, 5).join('.')} [${test}] "${text}"`
    }
    const isForReadersOnly = (part: Part): boolean => {
      for (let at: Part | null = part; at; at = at.parentElement) {
        const { width: w, height: h } = at.getBoundingClientRect()
        if (look.getComputedStyle(at).overflowX !== 'visible' && w <= 1 && h <= 1) return true
      }
      return false
    }
    /** Its container shortens it with an ellipsis, or scrolls. */
    const isEllipsed = (part: Part): boolean => {
      for (let at: Part | null = part; at; at = at.parentElement) {
        const style = look.getComputedStyle(at)
        if (style.overflowX === 'visible') continue
        if (style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none') return true
        if (at.tagName === 'PRE' || at.closest('[data-scrolls-sideways]')) return true
      }
      return false
    }
    for (const part of [root, body]) {
      if (part.scrollWidth > part.clientWidth)
        found.push(`${part.tagName} is ${part.scrollWidth} px wide, its window ${part.clientWidth}`)
      if (part.scrollHeight > part.clientHeight)
        found.push(
          `${part.tagName} is ${part.scrollHeight} px high, its window ${part.clientHeight}`,
        )
    }
    for (const part of look.document.querySelectorAll('body *')) {
      const style = look.getComputedStyle(part)
      const box = part.getBoundingClientRect()
      if (style.display === 'none' || style.visibility === 'hidden' || box.width === 0) continue
      // The contents of a drawing are its own matter; an input field scrolls its own text.
      if (part.closest('svg') && part.tagName.toLowerCase() !== 'svg') continue
      if (['INPUT', 'TEXTAREA', 'PRE'].includes(part.tagName)) {
        if (box.right > width + 1 || box.left < -1) found.push(`outside: ${name(part)}`)
        continue
      }
      if (isForReadersOnly(part) || isEllipsed(part)) continue
      if (box.right > width + 1 || box.left < -1)
        found.push(
          `outside by ${Math.round(Math.max(box.right - width, -box.left))} px: ${name(part)}`,
        )
      else if (style.overflowX !== 'visible' && part.scrollWidth > part.clientWidth + 1)
        found.push(
          `${style.overflowX === 'auto' || style.overflowX === 'scroll' ? 'scrolls sideways' : 'cuts off'} ${part.scrollWidth - part.clientWidth} px: ${name(part)}`,
        )
    }
    return found.slice(0, 12)
  })
}
