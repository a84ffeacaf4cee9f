/** Columns of a DataList. */
export type Column = {
  key: string
  label: string
  /** A track of the row's grid: '120px', 'minmax(160px, 2fr)'. */
  width: string
  align?: 'start' | 'end'
  sortable?: boolean
  /** Told to screen readers only. */
  hideLabel?: boolean
}
export type Sort = { key: string; descending: boolean }

/** The sort after a click on a column's head: up, then down. */
export const nextSort = (current: Sort | null, key: string): Sort =>
  current?.key === key ? { key, descending: !current.descending } : { key, descending: false }
