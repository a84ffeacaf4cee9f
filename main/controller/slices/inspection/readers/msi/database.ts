/** Reads the tables of a Windows Installer database. Their columns are listed in its table `_Columns`. */
import { unreadable } from '../../facts.ts'
import type { Compound } from './compound.ts'
import { decodeStreamName, readStrings } from './strings.ts'

const POOL_LIMIT_BYTES = 4 * 1024 * 1024
const STRINGS_LIMIT_BYTES = 32 * 1024 * 1024
const TABLE_LIMIT_BYTES = 4 * 1024 * 1024
/** Rows read per table. Real packages have more only in tables that are not read here. */
const ROW_LIMIT = 20_000
const NAME_LIMIT_BYTES = 72
const VALUE_LIMIT_BYTES = 4096
/** Text decoded per file. */
const TEXT_LIMIT_BYTES = 16 * 1024 * 1024

const TYPE_STRING = 0x0800
const TYPE_NULLABLE = 0x1000
/** A binary column is stored as a 2-byte number; its data is in a stream. */
const TYPE_BINARY = 0x0900
/** The other types are numbers; their low byte is the size in bytes. */
const TYPE_INT16 = 2

/** By column. Null: an empty text or a missing number. */
export type MsiRow = Readonly<Record<string, string | number | null>>
type Column = { name: string; type: number }

export type MsiDatabase = {
  /** These columns of a table. Empty: the table or one of the columns is missing. @throws AppError E_PACKAGE_UNREADABLE */
  rows: (table: string, columns: readonly string[]) => MsiRow[]
  /** The table Property; if it has a name twice, the first row counts. */
  properties: ReadonlyMap<string, string>
}

const PROPERTY: Column[] = [
  { name: 'Property', type: TYPE_STRING },
  { name: 'Value', type: TYPE_STRING },
]
const COLUMNS: Column[] = [
  { name: 'Table', type: TYPE_STRING },
  { name: 'Number', type: TYPE_INT16 },
  { name: 'Name', type: TYPE_STRING },
  { name: 'Type', type: TYPE_INT16 },
]

/**
 * @param isPackage false for patches, which may have no table Property
 * @throws AppError E_PACKAGE_UNREADABLE when it is damaged or cut off
 */
export function openDatabase(file: Compound, isPackage = true): MsiDatabase {
  const byName = new Map(file.streams.map((stream) => [decodeStreamName(stream.name), stream]))
  const bytesOf = (name: string, limitBytes: number): Buffer | null => {
    const stream = byName.get(`!${name}`)
    return stream ? file.read(stream, limitBytes) : null
  }
  const required = (name: string, limitBytes: number): Buffer => {
    const bytes = bytesOf(name, limitBytes)
    if (!bytes) throw unreadable(`its table ${name} is missing`)
    return bytes
  }
  const strings = readStrings(
    required('_StringPool', POOL_LIMIT_BYTES),
    required('_StringData', STRINGS_LIMIT_BYTES),
  )
  let textBytes = 0
  function textAt(index: number, limitBytes: number): string | null {
    if (index === 0) return null
    textBytes += Math.min(strings.sizeBytes(index), limitBytes)
    if (textBytes > TEXT_LIMIT_BYTES)
      throw unreadable('its tables have more text than in any real package')
    return strings.at(index, limitBytes) || null
  }

  const widthOf = ({ type }: Column): number => {
    if ((type & ~TYPE_NULLABLE) === TYPE_BINARY) return 2
    if (type & TYPE_STRING) return strings.referenceBytes
    return (type & 0xff) <= 2 ? 2 : 4
  }
  /** Tables are stored column by column. `rawCell` is the stored number of a cell, `cell` its value. */
  function openTable(bytes: Buffer, columns: readonly Column[]) {
    const rowBytes = columns.reduce((sum, column) => sum + widthOf(column), 0)
    const count = rowBytes === 0 ? 0 : Math.floor(bytes.length / rowBytes)
    const offsets = new Map<string, { at: number; column: Column }>()
    let at = 0
    for (const column of columns) {
      offsets.set(column.name, { at: at * count, column })
      at += widthOf(column)
    }
    const rawCell = (row: number, name: string): number => {
      const place = offsets.get(name)!
      const width = widthOf(place.column)
      return bytes.readUIntLE(place.at + row * width, width)
    }
    function cell(row: number, name: string): string | number | null {
      const value = rawCell(row, name)
      const { type } = offsets.get(name)!.column
      if (type & TYPE_STRING && (type & ~TYPE_NULLABLE) !== TYPE_BINARY)
        return textAt(value, VALUE_LIMIT_BYTES)
      if (value === 0) return null
      // Numbers are stored with their sign bit inverted; 0 means that there is none.
      return (type & 0xff) <= 2 ? value - 0x8000 : value - 0x80000000
    }
    return { count, rawCell, cell, has: (name: string) => offsets.has(name) }
  }

  /** The columns of each table, in order. */
  function readColumns(): Map<string, Column[]> {
    const found = new Map<string, Column[]>()
    const bytes = bytesOf('_Columns', TABLE_LIMIT_BYTES)
    if (!bytes) return found
    const table = openTable(bytes, COLUMNS)
    const rows = Array.from({ length: Math.min(table.count, ROW_LIMIT) }, (_, row) => ({
      table: textAt(table.rawCell(row, 'Table'), NAME_LIMIT_BYTES) ?? '',
      number: table.rawCell(row, 'Number'),
      name: textAt(table.rawCell(row, 'Name'), NAME_LIMIT_BYTES) ?? '',
      type: table.rawCell(row, 'Type') ^ 0x8000,
    })).sort((a, b) => a.number - b.number)
    for (const { table: name, ...column } of rows) {
      const columns = found.get(name) ?? []
      columns.push(column)
      found.set(name, columns)
    }
    return found
  }
  const schema = readColumns()

  function rows(name: string, columnNames: readonly string[]): MsiRow[] {
    const columns = schema.get(name)
    const bytes = columns ? bytesOf(name, TABLE_LIMIT_BYTES) : null
    if (!columns || !bytes) return []
    const table = openTable(bytes, columns)
    if (!columnNames.every(table.has)) return []
    return Array.from({ length: Math.min(table.count, ROW_LIMIT) }, (_, row) =>
      Object.fromEntries(columnNames.map((column) => [column, table.cell(row, column)])),
    )
  }

  function readProperties(): Map<string, string> {
    const bytes = bytesOf('Property', TABLE_LIMIT_BYTES)
    if (!bytes && isPackage) throw unreadable('its table Property is missing')
    const table = openTable(bytes ?? Buffer.alloc(0), PROPERTY)
    const properties = new Map<string, string>()
    for (let row = 0; row < Math.min(table.count, ROW_LIMIT); row++) {
      const index = table.rawCell(row, 'Property')
      // Names are short; this skips decoding when each row holds the same long string.
      if (strings.sizeBytes(index) > NAME_LIMIT_BYTES) continue
      const key = textAt(index, NAME_LIMIT_BYTES)
      if (key === null || properties.has(key)) continue
      properties.set(key, textAt(table.rawCell(row, 'Value'), VALUE_LIMIT_BYTES) ?? '')
    }
    return properties
  }
  return { rows, properties: readProperties() }
}
