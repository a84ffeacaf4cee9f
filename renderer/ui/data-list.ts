/** Columns of a DataList. */
export type Column = {
  key: string
  label: string
  /** A track of the row's grid: '120px', 'minmax(160px, 2fr)'. */
  width: string
  align?: 'start' | 'end'
  sortable?: boolean
  /** The first click puts the newest, or the most, on top. */
  downFirst?: boolean
  /** Told to screen readers only. */
  hideLabel?: boolean
  /** Left out where the list is too narrow for all, 1 first. Without it the column always stays: what it says is nowhere else. */
  drop?: number
}
export type Sort = { key: string; descending: boolean }

/** Between two columns, beside the first and the last one, and what a column of boxes to choose rows takes, in px. */
const [GAP_PX, SIDE_PX, CHOICE_PX] = [16, 24, 28]

/** The least width that a track of the grid takes, in px. */
const leastPx = (width: string): number => Number(/(\d+)px/.exec(width)?.[1] ?? 0)

/** Those columns that a list of this width has room for. */
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

/** The sort after a click on a column's head: one way, then the other. */
export const nextSort = (current: Sort | null, key: string, downFirst: boolean): Sort => ({
  key,
  descending: current?.key === key ? !current.descending : downFirst,
})
