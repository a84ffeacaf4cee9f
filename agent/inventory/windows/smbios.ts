/**
 * The serial number from the firmware's tables (SMBIOS, DMTF DSP0134), of which Windows keeps a copy in its
 * registry.
 */
import { firmwareText } from '../reading.ts'

const SYSTEM_INFORMATION = 1
const END_OF_TABLE = 127
const SERIAL_AT = 7
/** Windows puts versions and the length before the tables (RawSMBIOSData). */
const HEADER_BYTES = 8

/** @param hex the registry's `SMBiosData`. @returns null if it contains none, or a placeholder */
export function serialFromSmbios(hex: string): string | null {
  const raw = Buffer.from(hex, 'hex')
  const hasHeader = raw.length > HEADER_BYTES && raw.readUInt32LE(4) === raw.length - HEADER_BYTES
  const table = hasHeader ? raw.subarray(HEADER_BYTES) : raw
  for (let at = 0; at + 4 <= table.length;) {
    const [type, length] = [table[at]!, table[at + 1]!]
    if (length < 4 || type === END_OF_TABLE) return null
    const textsAt = at + length
    // The texts of a structure end with two NULs, even if there are none.
    const end = table.indexOf('\0\0', textsAt, 'latin1')
    if (end < 0) return null
    if (type === SYSTEM_INFORMATION) {
      const number = length > SERIAL_AT ? table[at + SERIAL_AT]! : 0
      const texts = table.toString('latin1', textsAt, end).split('\0')
      return number === 0 ? null : firmwareText(texts[number - 1])
    }
    at = end + 2
  }
  return null
}
