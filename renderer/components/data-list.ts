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
}
export type Sort = { key: string; descending: boolean }

/** The sort after a click on a column's head: one way, then the other. */
export const nextSort = (current: Sort | null, key: string, downFirst: boolean): Sort => ({
  key,
  descending: current?.key === key ? !current.descending : downFirst,
})
