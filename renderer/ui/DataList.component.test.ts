/** A list of any length: what users see, and what keyboard and mouse do. */
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { h, nextTick, ref } from 'vue'
import { allByRole, byRole, click, press, show, shownText } from '../test-kit/mounted.ts'
import type { Column, Sort } from './data-list.ts'
import DataList from './DataList.vue'
import { useRows } from './use-rows.ts'

type Pc = { id: number; name: string; seen: number }
const COLUMNS: Column[] = [
  { key: 'name', label: 'Name', width: '180px', sortable: true },
  { key: 'seen', label: 'Seen', width: '92px', sortable: true, downFirst: true },
  { key: 'more', label: 'More', width: '40px', hideLabel: true },
]
const pcs = (count: number): Pc[] =>
  Array.from({ length: count }, (_, i) => ({ id: i + 1, name: `PC-${i + 1}`, seen: count - i }))

// The page has no layout here: every element is as high as ten rows, so the list shows the first ones.
const LIST_PX = 360
beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(LIST_PX)
  vi.spyOn(HTMLElement.prototype, 'offsetWidth', 'get').mockReturnValue(1_000)
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(LIST_PX)
})

async function showList(items: Pc[], more: { selectable?: boolean; openable?: boolean } = {}) {
  const list = ref(items)
  const selected = ref(new Set<number>())
  const sort = ref<Sort>({ key: 'name', descending: false })
  const opened: string[] = []
  const ends: number[] = []
  const sorts: [string, boolean][] = []
  await show(() =>
    h(
      DataList<Pc>,
      {
        items: list.value,
        columns: COLUMNS,
        keyOf: (pc: Pc) => pc.id,
        label: 'PCs',
        sort: sort.value,
        selected: more.selectable ? selected.value : null,
        openable: more.openable ?? true,
        nameOf: (pc: Pc) => pc.name,
        onOpen: (pc: Pc) => opened.push(pc.name),
        onToggle: (some: Pc[], on: boolean) => {
          for (const { id } of some) selected.value[on ? 'add' : 'delete'](id)
          selected.value = new Set(selected.value)
        },
        onToggleAll: (on: boolean) =>
          (selected.value = new Set(on ? list.value.map(({ id }) => id) : [])),
        onSort: (key: string, downFirst: boolean) => sorts.push([key, downFirst]),
        onEnd: () => ends.push(list.value.length),
      },
      {
        name: ({ item }: { item: Pc }) => item.name,
        seen: ({ item }: { item: Pc }) => String(item.seen),
        more: ({ item }: { item: Pc }) => h('button', { type: 'button' }, `More on ${item.name}`),
      },
    ),
  )
  return { list, selected, sort, opened, sorts, ends }
}
const shownRows = () => allByRole('row').slice(1)
const shownNames = () => shownRows().map((row) => shownText(row.querySelector('[role=gridcell]')!))
const rowOf = (name: string): HTMLElement =>
  byRole('button', `More on ${name}`).closest<HTMLElement>('[role=row]')!
/** The name of the PC whose row has the focus. */
const focused = () => /More on (\S+)$/.exec(shownText(document.activeElement!))?.[1]
const moved = (name: string) => vi.waitFor(() => expect(focused()).toBe(name))

describe('a list', () => {
  it('shows only the rows that fit, and announces how many there are', async () => {
    await showList(pcs(1_000))
    expect(shownNames().slice(0, 2)).toEqual(['PC-1', 'PC-2'])
    expect(shownRows().length).toBeLessThan(40)
    expect(byRole('grid', 'PCs').getAttribute('aria-rowcount')).toBe('1001')
    expect(shownRows()[1]!.getAttribute('aria-rowindex')).toBe('3')
  })

  it('follows its items', async () => {
    const { list } = await showList(pcs(2))
    list.value = [{ id: 7, name: 'PC-7', seen: 1 }]
    await nextTick()
    expect(shownNames()).toEqual(['PC-7'])
  })

  it('reports when its end is near, and not before', async () => {
    const { list, ends } = await showList(pcs(1_000))
    expect(ends).toEqual([])
    list.value = pcs(30)
    await nextTick()
    expect(ends).toEqual([30])
  })

  it('has a name for each column, also for those without a visible one', async () => {
    await showList(pcs(1))
    expect(allByRole('columnheader').map(shownText)).toEqual(['Name', 'Seen', 'More'])
  })

  it('shows by which column it is sorted, and asks for another order', async () => {
    const { sort, sorts } = await showList(pcs(2))
    const sorted = () => allByRole('columnheader').map((header) => header.getAttribute('aria-sort'))
    expect(sorted()).toEqual(['ascending', null, null])
    sort.value = { key: 'seen', descending: true }
    await nextTick()
    expect(sorted()).toEqual([null, 'descending', null])
    await click(byRole('button', 'Name'))
    await click(byRole('button', 'Seen'))
    expect(sorts).toEqual([
      ['name', false],
      ['seen', true],
    ])
  })
})

describe('with the keyboard', () => {
  it('one row is in the tab order, and arrow keys move between rows', async () => {
    await showList(pcs(30))
    expect(shownRows().filter((row) => row.tabIndex === 0)).toEqual([rowOf('PC-1')])
    rowOf('PC-1').focus()
    for (const [key, name] of [
      ['ArrowDown', 'PC-2'],
      ['ArrowDown', 'PC-3'],
      ['ArrowUp', 'PC-2'],
      ['Home', 'PC-1'],
      ['ArrowUp', 'PC-1'],
      ['PageDown', 'PC-9'],
    ] as const) {
      expect(await press(key)).toBe(true)
      await moved(name)
    }
    expect(shownRows().filter((row) => row.tabIndex === 0)).toEqual([rowOf('PC-9')])
  })

  it('opens a row with Enter', async () => {
    const { opened } = await showList(pcs(3))
    rowOf('PC-2').focus()
    await press('Enter')
    expect(opened).toEqual(['PC-2'])
  })

  it('selects a row with Space, and a range with Shift', async () => {
    const { selected, opened } = await showList(pcs(5), { selectable: true })
    rowOf('PC-2').focus()
    await press(' ')
    rowOf('PC-4').focus()
    await press(' ', { shiftKey: true })
    expect([...selected.value]).toEqual([2, 3, 4])
    await press(' ')
    expect([...selected.value]).toEqual([2, 3])
    rowOf('PC-1').focus()
    await press(' ', { shiftKey: true })
    expect([...selected.value].sort()).toEqual([1, 2, 3, 4])
    expect(opened).toEqual([])
  })

  it('leaves the keys of a button in a row to the button', async () => {
    const { opened } = await showList(pcs(3), { selectable: true })
    byRole('button', 'More on PC-2').focus()
    expect(await press('Enter')).toBe(false)
    expect(await press(' ')).toBe(false)
    expect(opened).toEqual([])
  })
})

describe('with the mouse', () => {
  it('opens the row that is clicked, but not by its buttons', async () => {
    const { opened } = await showList(pcs(3))
    await click(rowOf('PC-3'))
    await click(byRole('button', 'More on PC-2'))
    expect(opened).toEqual(['PC-3'])
  })

  it('selects a row that cannot be opened', async () => {
    const { selected } = await showList(pcs(3), { selectable: true, openable: false })
    await click(rowOf('PC-3'))
    expect([...selected.value]).toEqual([3])
  })

  it('selects by the boxes, whose names contain the PC', async () => {
    const { selected, opened } = await showList(pcs(4), { selectable: true })
    await click(byRole('checkbox', 'Choose PC-1'))
    await click(byRole('checkbox', 'Choose PC-3'), { shiftKey: true })
    expect([...selected.value]).toEqual([1, 2, 3])
    expect(shownRows().map((row) => row.getAttribute('aria-selected'))).toEqual([
      ...['true', 'true', 'true', 'false'],
    ])
    expect(opened).toEqual([])
  })

  it('selects all and none by the box in the header', async () => {
    const { selected } = await showList(pcs(3), { selectable: true })
    const all = byRole('checkbox', 'Choose all') as HTMLInputElement
    expect([all.checked, all.indeterminate]).toEqual([false, false])
    await click(all)
    expect(selected.value.size).toBe(3)
    await click(byRole('checkbox', 'Choose PC-1'))
    expect(all.indeterminate).toBe(true)
    await click(all)
    await click(all)
    expect(selected.value.size).toBe(0)
  })
})

describe('the rows of a live list', () => {
  type Row = { id: number; name: string; figure: number }
  const rowsOf = (...figures: number[]): Row[] =>
    figures.map((figure, i) => ({ id: i + 1, name: `PC-${i + 1}`, figure }))
  function live(items: Row[]) {
    const list = ref(items)
    const text = ref('')
    const rows = useRows<Row>({
      items: () => list.value,
      keyOf: ({ id }) => id,
      filter: ({ name }) => name.includes(text.value),
      filterKey: () => text.value,
      order: {
        name: (a, b) => a.name.localeCompare(b.name),
        figure: (a, b) => a.figure - b.figure,
      },
      initial: { key: 'figure', descending: false },
    })
    return { list, text, rows, names: () => rows.rows.value.map(({ name }) => name) }
  }

  it('keep their places while figures change, until they are sorted again', async () => {
    const { list, rows, names } = live(rowsOf(1, 2, 3))
    list.value = rowsOf(9, 2, 3)
    await nextTick()
    expect(names()).toEqual(['PC-1', 'PC-2', 'PC-3'])
    rows.sortBy('figure')
    expect(names()).toEqual(['PC-1', 'PC-3', 'PC-2'])
    rows.sortBy('name')
    expect(names()).toEqual(['PC-1', 'PC-2', 'PC-3'])
  })

  it('wait at the end while the pointer is over the list', async () => {
    const { list, rows, names } = live(rowsOf(2, 3))
    rows.pin(true)
    list.value = rowsOf(2, 3, 1)
    await nextTick()
    expect(names()).toEqual(['PC-1', 'PC-2', 'PC-3'])
    rows.pin(false)
    expect(names()).toEqual(['PC-3', 'PC-1', 'PC-2'])
  })

  it('follow a filter', async () => {
    const { text, names } = live(rowsOf(2, 3))
    text.value = '2'
    await nextTick()
    expect(names()).toEqual(['PC-2'])
  })
})
