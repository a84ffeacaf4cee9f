/** A detail over its list: where the focus is, and how it closes. */
import { describe, expect, it, vi } from 'vitest'
import { h, nextTick, ref, type Component } from 'vue'
import { allByRole, byRole, click, press, show, shownText } from '../test-kit/mounted.ts'
import SideSheet from './SideSheet.vue'
import { UInput } from './ui.ts'

/** `h` cannot infer the type of what it edits. */
const TextField: Component = UInput

async function showSheet(props: Record<string, unknown> = {}, body = () => h('button', 'Save')) {
  const open = ref(false)
  const close = vi.fn(() => (open.value = false))
  await show(() => [
    h('button', { onClick: () => (open.value = true) }, 'Open'),
    h(
      SideSheet,
      {
        open: open.value,
        title: 'PC-1',
        description: 'Details of PC-1',
        onClose: close,
        ...props,
      },
      { default: body, footer: () => h('button', 'Apply') },
    ),
  ])
  byRole('button', 'Open').focus()
  await click(byRole('button', 'Open'))
  const sheet = await vi.waitFor(() => byRole('dialog', 'PC-1'))
  return { open, close, sheet }
}

describe('a side sheet', () => {
  it('is a dialog with a name and a description', async () => {
    const { sheet } = await showSheet()
    const description = document.getElementById(sheet.getAttribute('aria-describedby')!)
    expect(shownText(description!)).toBe('Details of PC-1')
    expect(shownText(sheet)).toContain('Apply')
  })

  it('takes the focus itself, so that no action is one key press away', async () => {
    const { sheet } = await showSheet()
    await vi.waitFor(() => expect(document.activeElement).toBe(sheet))
  })

  it('lets a field have the focus that asks for it', async () => {
    await showSheet({}, () => h(TextField, { 'aria-label': 'Name', autofocus: true }))
    await vi.waitFor(() => expect(document.activeElement).toBe(byRole('textbox', 'Name')))
  })

  it('closes with Escape, and returns the focus', async () => {
    const { close } = await showSheet()
    await press('Escape')
    expect(close).toHaveBeenCalledOnce()
    await vi.waitFor(() => expect(allByRole('dialog')).toEqual([]))
    await vi.waitFor(() => expect(document.activeElement).toBe(byRole('button', 'Open')))
  })

  it('closes with its button', async () => {
    const { close } = await showSheet()
    await click(byRole('button', 'Close'))
    expect(close).toHaveBeenCalledOnce()
  })

  it('stays open as long as its caller wants, such as while a form has unsaved changes', async () => {
    const { open, close, sheet } = await showSheet()
    close.mockImplementation(() => true)
    await press('Escape')
    await nextTick()
    expect(close).toHaveBeenCalledOnce()
    expect(open.value).toBe(true)
    expect(byRole('dialog', 'PC-1')).toBe(sheet)
  })

  it('hides the page behind it from screen readers, unless the page stays usable', async () => {
    await showSheet()
    expect(allByRole('button', 'Open')).toEqual([])
  })

  it('leaves the page usable if it is not modal', async () => {
    await showSheet({ modal: false })
    byRole('button', 'Open')
  })
})

describe('a press beside a side sheet', () => {
  async function pressBeside(props: Record<string, unknown>) {
    const listen = vi.spyOn(document, 'addEventListener')
    const { close } = await showSheet(props)
    await vi.waitFor(() => expect(listen.mock.calls.map(([type]) => type)).toContain('pointerdown'))
    document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }))
    await click(document.body)
    return close
  }

  it('closes it', async () => {
    expect(await pressBeside({})).toHaveBeenCalledOnce()
  })

  it('does not close a sticky one', async () => {
    expect(await pressBeside({ sticky: true })).not.toHaveBeenCalled()
    byRole('dialog', 'PC-1')
  })
})
