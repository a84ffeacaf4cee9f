/** Texts to copy, with and without permission to use the clipboard. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { h } from 'vue'
import { allByRole, byRole, click, show, shownText } from '../test-kit/mounted.ts'
import CopyLine from './CopyLine.vue'
import CopyValue from './CopyValue.vue'

const writeText = vi.fn<(text: string) => Promise<void>>()
/** What the fallback copied: the selection at the time of the command. */
const copied: string[] = []
let mayCopy = true

beforeEach(() => {
  copied.length = 0
  mayCopy = true
  writeText.mockReset().mockResolvedValue()
  vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText } })
  document.execCommand = (command: string) => {
    const area = document.querySelector('textarea')
    if (command === 'copy' && mayCopy && area)
      copied.push(area.value.slice(area.selectionStart, area.selectionEnd))
    return mayCopy
  }
  return () => vi.unstubAllGlobals()
})

describe('a line to copy', () => {
  it('shows the text, and copies it by a button that says what it copies', async () => {
    await show(() => h(CopyLine, { text: 'deployx-agent run', label: 'the command' }))
    expect(shownText()).toContain('deployx-agent run')
    const button = byRole('button', 'Copy the command')
    expect(shownText(button)).toBe('Copy')
    await click(button)
    expect(writeText.mock.calls).toEqual([['deployx-agent run']])
    await vi.waitFor(() => expect(shownText(button)).toBe('Copied'))
  })

  it('does not claim to have copied what it could not', async () => {
    writeText.mockRejectedValue(new Error('not allowed'))
    mayCopy = false
    await show(() => h(CopyLine, { text: 'x', label: 'the command' }))
    const button = byRole('button', 'Copy the command')
    await click(button)
    await vi.waitFor(() => expect(document.querySelector('textarea')).toBeNull())
    expect(shownText(button)).toBe('Copy')
  })
})

describe('without permission to use the clipboard', () => {
  it('copies by a selection, and leaves the focus where it was', async () => {
    writeText.mockRejectedValue(new Error('not allowed'))
    await show(() => h(CopyLine, { text: 'deployx-agent run', label: 'the command' }))
    const button = byRole('button', 'Copy the command')
    button.focus()
    await click(button)
    await vi.waitFor(() => expect(copied).toEqual(['deployx-agent run']))
    expect(document.activeElement).toBe(button)
    expect(document.querySelector('textarea')).toBeNull()
  })
})

describe('a value to copy', () => {
  it('is a button with the value in its name, and announces that it was copied', async () => {
    await show(() => h(CopyValue, { text: '10.0.0.7', label: 'the address' }))
    await click(byRole('button', 'Copy the address 10.0.0.7'))
    expect(writeText.mock.calls).toEqual([['10.0.0.7']])
    await vi.waitFor(() => expect(allByRole('status').map((s) => shownText(s))).toEqual(['Copied']))
  })

  it('may show less than it copies', async () => {
    await show(() => h(CopyValue, { text: 'ab…', copies: 'abcdef', label: 'the fingerprint' }))
    await click(byRole('button', 'Copy the fingerprint abcdef'))
    expect(writeText.mock.calls).toEqual([['abcdef']])
  })
})
