/** How a benchmark reports its figures: each with its reference from the same run, as a ratio. */
export type BenchTable = {
  title: string
  reference: string
  rows: { name: string; ours: string; reference: string; ratio: number }[]
  notes: string[]
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  if (sorted.length === 0) return NaN
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function printTable(table: BenchTable): string {
  const rows = [
    ['', 'DeployX', 'reference', 'ratio'],
    ...table.rows.map((r) => [r.name, r.ours, r.reference, `${r.ratio.toFixed(2)}×`]),
  ]
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((r) => r[i]!.length)))
  const line = (cells: string[]) =>
    cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join('  ')
  return [
    table.title,
    `reference: ${table.reference}`,
    '',
    ...rows.map(line),
    ...table.notes.map((n) => `note: ${n}`),
    '',
  ].join('\n')
}
