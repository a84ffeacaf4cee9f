import { expect, it } from 'vitest'
import { unfilterX86 } from './x86-filter.ts'

/** Calls and jumps in every alignment, before and after the filter of xz 5.4. */
const PLAIN =
  'Y29kZSBjb2RlIGNvZGUg6NT+//9hYunoAAAAAHh5eugh////YWLp6AAAAAB4eXrobv///2Fi6egAAAAAeHl66Lv///9hYunoAAAAAHh5eugIAAAAYWLp6AAAAAB4eXroVQAAAGFi6egAAAAAeHl66KIAAABhYunoAAAAAHh5eujvAAAAYWLp6AAAAAB4eXroPAEAAGFi6egAAAAAeHl66IkBAABhYunoAAAAAHh5eujWAQAAYWLp6AAAAAB4eXroIwIAAGFi6egAAAAAeHl66P/oAQAAAOjo/+gBAAAA6Oj/6AEAAADo'
const FILTERED =
  'Y29kZSBjb2RlIGNvZGUg6Oj+//9hYukDAQAAAHh5euhF////YWLpEwEAAAB4eXroov///2Fi6SMBAAAAeHl66P////9hYukzAQAAAHh5euhcAAAAYWLpQwEAAAB4eXrouQAAAGFi6VMBAAAAeHl66BYBAABhYuljAQAAAHh5euhzAQAAYWLpcwEAAAB4eXro0AEAAGFi6YMBAAAAeHl66C0CAABhYumTAQAAAHh5euiKAgAAYWLpowEAAAB4eXro5wIAAGFi6bMBAAAAeHl66NPpAQAAAOjo2+kBAAAA6Ojj6QEAAADo'

it('the filter for programs is undone', () => {
  expect(FILTERED).not.toBe(PLAIN)
  expect(unfilterX86(Buffer.from(FILTERED, 'base64')).toString('base64')).toBe(PLAIN)
})

it('bytes that are too short for a call stay as they are', () => {
  for (const bytes of [[], [0xe8], [0xe8, 1, 2, 3]])
    expect([...unfilterX86(Buffer.from(bytes))]).toEqual(bytes)
})
