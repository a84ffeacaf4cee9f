/** Columns of a DataList. */
export type Column = {
  key: string
  label: string
  /** A track of the row's grid: '120px', 'minmax(160px, 2fr)'. */
  width: string
  align?: 'start' | 'end'
  sortable?: boolean
  /** The first click sorts in descending order: newest or largest first. */
  downFirst?: boolean
  /** The label is for screen readers only. */
  hideLabel?: boolean
  /** When the list is too narrow, columns are dropped in this order, 1 first. Without it the column always stays. */
  drop?: number
}
export type Sort = { key: string; descending: boolean }

/** The gap between columns, the padding at both sides, and the width of the selection column, in px. */
const [GAP_PX, SIDE_PX, CHOICE_PX] = [16, 24, 28]

/** The minimum width of a grid track, in px. */
const leastPx = (width: string): number => Number(/(\d+)px/.exec(width)?.[1] ?? 0)

/** The columns that fit into this width. */
export function columnsThatFit(
  columns: readonly Column[],
  listPx: number,
  withChoice: boolean,
): readonly Column[] {
  const widthOf = (shown: readonly Column[]): number =>
    shown.reduce((sum, column) => sum + leastPx(column.width) + GAP_PX, 0) -
    GAP_PX +
    2 * SIDE_PX +
    (withChoice ? CHOICE_PX + GAP_PX : 0)
  let shown = columns
  const droppable = columns.filter((c) => c.drop !== undefined)
  droppable.sort((a, b) => (a.drop ?? 0) - (b.drop ?? 0))
  for (const next of droppable) {
    if (widthOf(shown) <= listPx) break
    shown = shown.filter((c) => c !== next)
  }
  return shown
}

/** The selection after a DataList's `toggle`. Newly selected items come last, in the order of the list. */
export function afterToggle<T>(selected: Iterable<T>, items: readonly T[], on: boolean): Set<T> {
  const next = new Set(selected)
  for (const item of items) {
    if (on) next.add(item)
    else next.delete(item)
  }
  return next
}

/** The sort after a click on a column header: one direction, then the other. */
export const nextSort = (current: Sort | null, key: string, downFirst: boolean): Sort => ({
  key,
  descending: current?.key === key ? !current.descending : downFirst,
})
