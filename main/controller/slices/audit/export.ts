/**
 * The audit log as a self-verifying file: every hashed column, the hashes, and the signed ends. Two
 * equivalent forms: CSV for spreadsheets, JSON Lines for programs. What is written here can be read
 * back exactly.
 */
import type { ReportSeparator } from '#shared/contract/rest/deployment-requests.ts'
import type { AuditHead, AuditRow } from './audit.repo.ts'

export const COLUMNS = [
  'id',
  'at',
  'actor_id',
  'actor',
  'action',
  'subject',
  'details',
  'address',
  'outcome',
  'device_id',
  'deployment_id',
  'data',
  'format',
  'hash',
] as const satisfies readonly (keyof AuditRow)[]
/** On the line of the entry that they cover. */
const SIGNED_COLUMNS = ['signed_at', 'signature'] as const
const NUMBERS: readonly string[] = ['id', 'actor_id', 'device_id', 'deployment_id', 'format']
const NULLABLE: readonly string[] = [
  'actor_id',
  'address',
  'outcome',
  'device_id',
  'deployment_id',
  'data',
  'format',
  'hash',
]
export const EXPORT_TYPE = 'deployx audit export 1'

export type LogLine = { row: AuditRow; head: AuditHead | null }

/**
 * A cell that no spreadsheet treats as a formula. A text that starts like one, or with the
 * apostrophe that defuses it, is prefixed with an apostrophe, so removing one restores the original
 * exactly.
 */
function toCell(value: string | number | null, separator: ReportSeparator): string {
  if (value === null) return ''
  const text = String(value)
  const safe = typeof value === 'string' && /^[=+\-@\t\r']/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) || safe.includes(separator)
    ? `"${safe.replaceAll('"', '""')}"`
    : safe
}
const fromCell = (cell: string): string => (cell.startsWith("'") ? cell.slice(1) : cell)

export const csvHead = (separator: ReportSeparator): string =>
  '\uFEFF' + [...COLUMNS, ...SIGNED_COLUMNS].join(separator) + '\r\n'
export const csvLine = ({ row, head }: LogLine, separator: ReportSeparator): string =>
  [...COLUMNS.map((column) => row[column]), head?.at ?? null, head?.signature ?? null]
    .map((value) => toCell(value, separator))
    .join(separator) + '\r\n'

/** The separator is the character after the name of the first column. */
const separatorOf = (text: string): string => /^\uFEFF?id([;\t])/.exec(text)?.[1] ?? ','

/**
 * @param publicKeys of the current and previous signing keys, PEM: the file can then verify its own
 * signatures
 */
export const jsonlHead = (publicKeys: string[], exportedAt: string): string =>
  JSON.stringify({ type: EXPORT_TYPE, exported_at: exportedAt, public_keys: publicKeys }) + '\n'
export const jsonlLine = ({ row, head }: LogLine): string =>
  JSON.stringify({
    ...Object.fromEntries(COLUMNS.map((column) => [column, row[column]])),
    signed_at: head?.at ?? null,
    signature: head?.signature ?? null,
  }) + '\n'

/** The cells of a CSV text, line by line. Quoted cells may contain line breaks. */
export function* parseCsv(text: string): Generator<string[]> {
  const separator = separatorOf(text)
  let cells: string[] = []
  let at = text.startsWith('\uFEFF') ? 1 : 0
  while (at < text.length) {
    let cell = ''
    if (text[at] === '"') {
      for (at++; at < text.length; at++) {
        if (text[at] !== '"') cell += text[at]
        else if (text[at + 1] === '"') cell += text[at++]
        else break
      }
      at++
    } else {
      const end = separator === ',' ? /[,\r\n]/g : separator === ';' ? /[;\r\n]/g : /[\t\r\n]/g
      end.lastIndex = at
      const stop = end.exec(text)?.index ?? text.length
      cell = text.slice(at, stop)
      at = stop
    }
    cells.push(cell)
    if (text[at] === separator) {
      at++
      if (at < text.length) continue
      cells.push('')
    }
    if (text[at] === '\r') at++
    if (text[at] === '\n') at++
    yield cells
    cells = []
  }
}

export type ExportedLog = { rows: AuditRow[]; heads: AuditHead[]; publicKeys: string[] | null }

/** Thrown for a file that is not an export. The message is shown to users. */
export class NotAnExport extends Error {}

type Cells = Record<string, string | number | null>

/** Reads an export of either form. @throws NotAnExport naming the line */
export function parseExport(text: string): ExportedLog {
  return text.startsWith('{') ? parseJsonl(text) : parseCsvExport(text)
}

function parseJsonl(text: string): ExportedLog {
  const lines = text.split('\n').filter(Boolean)
  const objects = lines.map((line, i) => {
    try {
      return JSON.parse(line) as Cells
    } catch {
      throw new NotAnExport(`Line ${i + 1} is not JSON: the file is damaged or cut off.`)
    }
  })
  const [head, ...entries] = objects
  if (head?.['type'] !== EXPORT_TYPE)
    throw new NotAnExport('The first line is not that of an audit log export.')
  const given: unknown = head['public_keys']
  const publicKeys = Array.isArray(given) ? given.filter((key) => typeof key === 'string') : null
  return { ...gather(entries, 2), publicKeys }
}

function parseCsvExport(text: string): ExportedLog {
  const [names, ...lines] = [...parseCsv(text)]
  if (!names || COLUMNS.some((column) => !names.includes(column)))
    throw new NotAnExport('The first line does not name the columns of an audit log export.')
  const objects = lines.map((cells, i): Cells => {
    if (cells.length !== names.length)
      throw new NotAnExport(`Line ${i + 2} has ${cells.length} cells instead of ${names.length}.`)
    return Object.fromEntries(
      names.map((name, at): [string, string | number | null] => {
        const cell = cells[at] ?? ''
        const isNull = cell === '' && (NULLABLE.includes(name) || name.startsWith('sign'))
        if (isNull) return [name, null]
        return [name, NUMBERS.includes(name) ? Number(cell) : fromCell(cell)]
      }),
    )
  })
  return { ...gather(objects, 2), publicKeys: null }
}

function gather(objects: Cells[], firstLine: number): Pick<ExportedLog, 'rows' | 'heads'> {
  const heads: AuditHead[] = []
  const rows = objects.map((cells, i) => {
    for (const column of COLUMNS) {
      const value = cells[column]
      const isRight = NUMBERS.includes(column)
        ? Number.isSafeInteger(value)
        : typeof value === 'string'
      if (!isRight && !(value === null && NULLABLE.includes(column)))
        throw new NotAnExport(`Line ${i + firstLine} has no ${column}.`)
    }
    const row = Object.fromEntries(
      COLUMNS.map((column) => [column, cells[column]]),
    ) as unknown as AuditRow
    const { signed_at: at, signature } = cells
    if (typeof at === 'string' && typeof signature === 'string')
      heads.push({ id: heads.length + 1, entry_id: row.id, hash: row.hash ?? '', at, signature })
    return row
  })
  return { rows, heads }
}
