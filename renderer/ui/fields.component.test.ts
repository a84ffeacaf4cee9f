/** Fields: their labels and errors reach everybody, and what is typed arrives as what is meant. */
import { describe, expect, it, vi } from 'vitest'
import { h, nextTick, ref, type Component } from 'vue'
import {
  allByRole,
  byRole,
  click,
  descriptionOf,
  press,
  show,
  shownText,
  type,
} from '../test-kit/mounted.ts'
import EditableTitle from './EditableTitle.vue'
import NumberField from './NumberField.vue'
import PasswordField from './PasswordField.vue'
import RadioCards from './RadioCards.vue'
import SearchField from './SearchField.vue'
import SelectField from './SelectField.vue'
import TextField from './TextField.vue'
import { UFormField, UInput } from './ui.ts'
import UnitSwitch from './UnitSwitch.vue'

/** `h` cannot infer the type of what it edits. */
const PlainInput: Component = UInput

describe('a labelled field', () => {
  it('has its label as its name, and its help and error as its description', async () => {
    const error = ref<string | undefined>(undefined)
    await show(() =>
      h(
        UFormField,
        { label: 'Name', help: 'As on the sticker', error: error.value },
        { default: () => h(PlainInput, { modelValue: 'PC-1' }) },
      ),
    )
    const field = byRole('textbox', 'Name')
    expect(descriptionOf(field)).toBe('As on the sticker')
    error.value = 'This name is taken'
    await nextTick()
    expect(descriptionOf(field)).toBe('This name is taken')
    expect(field.getAttribute('aria-invalid')).toBe('true')
  })
})

describe('a number field', () => {
  async function showNumber(start: number | null) {
    const number = ref(start)
    const invalid = ref(false)
    await show(() =>
      h(NumberField, {
        modelValue: number.value,
        'onUpdate:modelValue': (next: number | null) => (number.value = next),
        label: 'Minutes',
        testid: 'minutes',
        invalid: invalid.value,
      }),
    )
    return { number, invalid, field: byRole('textbox', 'Minutes') as HTMLInputElement }
  }

  it('reads numbers with a point or a comma, and an empty field as none', async () => {
    const { number, field } = await showNumber(5)
    expect(field.value).toBe('5')
    for (const [text, value] of [
      ['12', 12],
      ['1,5', 1.5],
      [' 7 ', 7],
      ['', null],
    ] as const) {
      await type(field, text)
      expect(number.value).toBe(value)
    }
  })

  it('does not take other text for a number', async () => {
    const { number, field } = await showNumber(null)
    await type(field, 'ten')
    expect(number.value).toBeNaN()
  })

  it('announces to screen readers that it is invalid', async () => {
    const { invalid, field } = await showNumber(5)
    expect(field.getAttribute('aria-invalid')).toBeNull()
    invalid.value = true
    await nextTick()
    expect(field.getAttribute('aria-invalid')).toBe('true')
  })
})

describe('a text field', () => {
  async function showText(more: Record<string, unknown> = {}, hint?: string) {
    const text = ref('old')
    await show(() =>
      h(
        TextField,
        {
          modelValue: text.value,
          'onUpdate:modelValue': (next: string) => (text.value = next),
          label: 'Path',
          testid: 'path',
          ...more,
        },
        hint === undefined ? {} : { hint: () => hint },
      ),
    )
    return { text, field: byRole('textbox', 'Path') as HTMLInputElement }
  }

  it('has its label as its name, and passes on what is typed unchanged', async () => {
    const { text, field } = await showText({ maxlength: 80, placeholder: 'any' })
    expect([field.value, field.maxLength, field.placeholder]).toEqual(['old', 80, 'any'])
    await type(field, String.raw` C:\Tools `)
    expect(text.value).toBe(String.raw` C:\Tools `)
  })

  it('is not spell-checked: it holds paths and codes', async () => {
    const { field } = await showText()
    expect(field.getAttribute('spellcheck')).toBe('false')
  })

  it.each([
    ['code', 'font-mono'],
    ['numbers', 'tabular'],
  ])('for %s has the class %s', async (look, name) => {
    const { field } = await showText({ look })
    expect(field.classList.contains(name)).toBe(true)
  })

  it('shows its hint, and its error to everybody', async () => {
    const { field } = await showText({ error: 'Not a path' }, 'Proven')
    expect(shownText()).toContain('Proven')
    expect(descriptionOf(field)).toBe('Not a path')
    expect(field.getAttribute('aria-invalid')).toBe('true')
  })
})

describe('a password field', () => {
  it('hides what is typed until it is asked to show it', async () => {
    const text = ref('')
    await show(() =>
      h('label', [
        'Password',
        h(PasswordField, {
          modelValue: text.value,
          'onUpdate:modelValue': (next: string) => (text.value = next),
          autocomplete: 'new-password',
          testid: 'password',
        }),
      ]),
    )
    const field = document.querySelector('input')!
    await type(field, 'correct horse')
    expect(text.value).toBe('correct horse')
    expect([field.type, field.autocomplete]).toEqual(['password', 'new-password'])
    const shows = byRole('button', 'Show password')
    expect(shows.getAttribute('aria-pressed')).toBe('false')
    await click(shows)
    expect(field.type).toBe('text')
    await click(byRole('button', 'Hide password'))
    expect(field.type).toBe('password')
  })
})

describe('a search field', () => {
  it('has a name, and is cleared by Escape alone', async () => {
    const text = ref('vlc')
    const outer = vi.fn()
    await show(() =>
      h('div', { onKeydown: outer }, [
        h(SearchField, {
          modelValue: text.value,
          'onUpdate:modelValue': (next: string) => (text.value = next),
          placeholder: 'Search PCs',
        }),
      ]),
    )
    const field = byRole('searchbox', 'Search PCs') as HTMLInputElement
    field.focus()
    await press('a')
    expect(text.value).toBe('vlc')
    await press('Escape')
    expect([text.value, field.value]).toEqual(['', ''])
    // A sheet around it stays open.
    expect(outer).toHaveBeenCalledTimes(1)
  })
})

describe('a select field', () => {
  async function showSelect(more: Record<string, unknown> = {}) {
    const chosen = ref<number | undefined>(1)
    await show(() =>
      h(SelectField<number>, {
        modelValue: chosen.value,
        'onUpdate:modelValue': (next: number | undefined) => (chosen.value = next),
        label: 'Restart',
        items: [
          { label: 'Never', value: 1 },
          { label: 'If needed', value: 2 },
        ],
        testid: 'restart',
        ...more,
      }),
    )
    return { chosen, field: byRole('combobox', 'Restart') }
  }

  it('has a name and shows what is chosen', async () => {
    const { field } = await showSelect()
    expect(shownText(field)).toBe('Never')
    expect(field.getAttribute('aria-expanded')).toBe('false')
  })

  it('is chosen from with the keyboard', async () => {
    const { field, chosen } = await showSelect()
    field.focus()
    await press('Enter')
    await vi.waitFor(() =>
      expect(allByRole('option').map((o) => shownText(o))).toEqual(['Never', 'If needed']),
    )
    byRole('option', 'If needed').focus()
    await press('Enter')
    await vi.waitFor(() => expect(chosen.value).toBe(2))
    expect(shownText(field)).toBe('If needed')
  })

  it('shows its error to everybody', async () => {
    const { field } = await showSelect({ error: 'Choose one' })
    expect(shownText()).toContain('Choose one')
    expect(descriptionOf(field)).toBe('Choose one')
    expect(field.getAttribute('aria-invalid')).toBe('true')
  })

  it('shows its hint, and its help in the form that it is given', async () => {
    const HELP = 'After the last wave'
    const slots = { hint: () => 'Proven', help: () => h('b', HELP) }
    await show(() =>
      h(
        SelectField<number>,
        { modelValue: 1, label: 'Restart', items: [1, 2], testid: 'restart', help: HELP },
        slots,
      ),
    )
    expect(shownText()).toContain('Proven')
    expect(document.querySelector('b')?.textContent).toBe(HELP)
    expect(descriptionOf(byRole('combobox', 'Restart'))).toBe(HELP)
  })

  it('cannot be changed while it is disabled', async () => {
    const { field } = await showSelect({ disabled: true })
    expect((field as HTMLButtonElement).disabled).toBe(true)
  })
})

describe('choices', () => {
  it('of cards are radio buttons with a legend, named by their title and text', async () => {
    const chosen = ref('all')
    await show(() =>
      h(RadioCards<string>, {
        modelValue: chosen.value,
        'onUpdate:modelValue': (next: string) => (chosen.value = next),
        legend: 'Rollout',
        name: 'rollout',
        options: [
          { value: 'all', title: 'All at once', text: 'Every PC' },
          { value: 'pilot', title: 'Pilot first', text: 'A few PCs' },
        ],
        columns: 2,
      }),
    )
    byRole('group', 'Rollout')
    const pilot = byRole('radio', 'Pilot first A few PCs') as HTMLInputElement
    expect(pilot.checked).toBe(false)
    await click(pilot)
    expect(chosen.value).toBe('pilot')
  })

  it('of a unit are a radio group with a name', async () => {
    const unit = ref('minutes')
    await show(() =>
      h(UnitSwitch<string>, {
        modelValue: unit.value,
        'onUpdate:modelValue': (next: string) => (unit.value = next),
        units: [
          { value: 'minutes', label: 'min' },
          { value: 'hours', label: 'h' },
        ],
        label: 'Unit',
        name: 'unit',
      }),
    )
    byRole('radiogroup', 'Unit')
    await click(byRole('radio', 'h'))
    expect(unit.value).toBe('hours')
  })
})

describe('a title that is renamed in place', () => {
  async function showTitle(saved: (text: string) => unknown = () => true) {
    const save = vi.fn((text: string) => Promise.resolve(saved(text)))
    const begin = vi.fn<() => void>()
    await show(() => [
      h(EditableTitle, { text: 'Lab', label: 'Rename', save, onBegin: begin }),
      h('button', 'Elsewhere'),
    ])
    await click(byRole('button', 'Rename'))
    const field = byRole('textbox', 'Rename')
    expect(document.activeElement).toBe(field)
    return { save, begin, field }
  }
  const kept = () => vi.waitFor(() => byRole('textbox', 'Rename') as HTMLInputElement)

  it('is saved with Enter, without spaces around it', async () => {
    const { save, begin, field } = await showTitle()
    expect(begin).toHaveBeenCalledOnce()
    await type(field, ' Office ')
    await press('Enter')
    expect(save.mock.calls).toEqual([['Office']])
    expect(allByRole('textbox')).toEqual([])
  })

  it('is left as it was with Escape', async () => {
    const { save, field } = await showTitle()
    await type(field, 'Office')
    await press('Escape')
    expect(save).not.toHaveBeenCalled()
    byRole('heading', 'Lab')
  })

  it('does not become empty', async () => {
    const { save, field } = await showTitle()
    await type(field, '  ')
    await press('Enter')
    expect(save).not.toHaveBeenCalled()
  })

  it('keeps text that could not be saved, until the user saves it again or discards it', async () => {
    const answers = [null, null, true]
    const { save, begin, field } = await showTitle(() => answers.shift())
    await type(field, 'Office')
    await press('Enter')
    const again = await kept()
    expect(again.value).toBe('Office')
    expect(begin).toHaveBeenCalledTimes(2)
    await vi.waitFor(() => expect(document.activeElement).toBe(again))
    // Leaving the field to read the message neither saves nor discards.
    byRole('button', 'Elsewhere').focus()
    await nextTick()
    expect(save).toHaveBeenCalledTimes(1)
    again.focus()
    await press('Enter')
    ;(await kept()).focus()
    await press('Enter')
    expect(save.mock.calls).toEqual([['Office'], ['Office'], ['Office']])
    expect(allByRole('textbox')).toEqual([])
  })

  it('is not saved without an edit, even if someone else has renamed it meanwhile', async () => {
    const title = ref('Lab')
    const save = vi.fn(() => Promise.resolve(true))
    await show(() => h(EditableTitle, { text: title.value, label: 'Rename', save }))
    await click(byRole('button', 'Rename'))
    title.value = 'Office'
    await nextTick()
    await press('Enter')
    expect(save).not.toHaveBeenCalled()
    byRole('heading', 'Office')
  })

  it('does not take the focus back if the user has left the field', async () => {
    const { begin, field } = await showTitle(() => null)
    await type(field, 'Office')
    byRole('button', 'Elsewhere').focus()
    await vi.waitFor(() => expect(begin).toHaveBeenCalledTimes(2))
    await nextTick()
    expect((await kept()).value).toBe('Office')
    await nextTick()
    expect(document.activeElement).toBe(byRole('button', 'Elsewhere'))
  })
})
