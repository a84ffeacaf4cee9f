/** The report of a deployment, one line per target, as a table or as CSV text. Pure. */
import type { Target } from '#shared/contract/rest/deployments.ts'
import type { ReportSeparator } from '#shared/contract/rest/deployment-requests.ts'
import type { TargetRestart } from '#shared/contract/rest/restarts.ts'
import { exitCodeInWords } from '#shared/domain/exit-codes.ts'
import { replaceMisleading } from '#shared/domain/plain-text.ts'

export type ReportCell = string | number | Date | null
type Column = {
  head: string
  isTime?: true
  cell: (target: Target) => ReportCell | undefined
}

const time = (iso: string | undefined): Date | null => (iso === undefined ? null : new Date(iso))

/** The state of a restart, and why. */
const restartInWords = ({ state, since, message, due_at }: TargetRestart): string =>
  [
    state === 'done'
      ? `restarted ${since}`
      : due_at
        ? `announced for ${due_at}`
        : state.replace('_', ' '),
    ...(message && state !== 'done' ? [message] : []),
  ].join(': ')

export const REPORT_COLUMNS: readonly Column[] = [
  { head: 'PC', cell: (t) => t.device_name },
  { head: 'Software', cell: (t) => t.software_name },
  { head: 'State', cell: (t) => t.deployment_status },
  { head: 'Reason', cell: (t) => t.reason },
  { head: 'Attempt', cell: (t) => t.attempt },
  { head: 'Exit code', cell: (t) => t.exit_code },
  {
    head: 'Meaning',
    cell: ({ exit_code, installer_kind, action }) =>
      exit_code !== undefined && installer_kind
        ? exitCodeInWords(installer_kind, exit_code, action)
        : null,
  },
  { head: 'Message', cell: (t) => t.result_message },
  { head: 'Started', isTime: true, cell: (t) => time(t.started_at) },
  { head: 'Ended', isTime: true, cell: (t) => time(t.completed_at) },
  { head: 'Restart', cell: (t) => t.restart && restartInWords(t.restart) },
  { head: 'Action', cell: (t) => (t.action === 'install' ? 'install' : 'remove') },
]

/** Rows of cells in the order of REPORT_COLUMNS. Each text is a single plain line. */
export const reportRows = (targets: readonly Target[]): ReportCell[][] =>
  targets.map((target) =>
    REPORT_COLUMNS.map(({ cell }) => {
      const value = cell(target) ?? null
      return typeof value === 'string' ? oneLine(value) : value
    }),
  )

const oneLine = (text: string): string =>
  replaceMisleading(
    text
      .split(/[\r\n\t\u2028\u2029]/)
      .map((line, _i, lines) => (lines.length === 1 ? line : line.trim()))
      .filter((line) => line !== '')
      .join(' '),
  )

/**
 * One cell of a CSV file (RFC 4180). Spreadsheets run a cell that begins like a formula, and host names and output are
 * untrusted: such a cell gets a leading apostrophe (OWASP, CSV injection). A cell is a single line: a program that expects
 * another list separator would read the second line of a quoted cell as a row, which might begin like a formula.
 */
export function csvCell(value: ReportCell, separator = ','): string {
  const text =
    value instanceof Date ? value.toISOString() : oneLine(value === null ? '' : String(value))
  const safe = /^\s*[=+\-@]/.test(text) && typeof value === 'string' ? `'${text}` : text
  return ['"', ',', separator].some((mark) => safe.includes(mark))
    ? `"${safe.replaceAll('"', '""')}"`
    : safe
}

/** With a byte-order mark, so that Excel reads it as UTF-8. Times are UTC, ISO 8601. */
export function toCsv(targets: readonly Target[], separator: ReportSeparator = ','): string {
  const head = REPORT_COLUMNS.map((column) => column.head)
  const lines = [head, ...reportRows(targets)].map((row) =>
    row.map((cell) => csvCell(cell, separator)).join(separator),
  )
  return '\uFEFF' + lines.join('\r\n') + '\r\n'
}
