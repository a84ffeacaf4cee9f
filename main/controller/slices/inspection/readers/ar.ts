/** The outer container of a .deb: an ar archive (deb(5), ar(5)). Reads only the headers, so its size does not matter. */
import { unreadable } from '../facts.ts'
import type { Window } from './window.ts'

export type ArMember = { name: string; position: number; sizeBytes: number }

const MAGIC = '!<arch>\n'
const HEADER_BYTES = 60
const MEMBER_LIMIT = 32

/**
 * Every member, in order. The lengths must add up to the size of the file: a truncated package is refused.
 * @throws AppError E_PACKAGE_UNREADABLE
 */
export function readArMembers(window: Window): ArMember[] {
  const fileBytes = window.sizeBytes
  const magic = window.read(0, MAGIC.length).toString('latin1')
  if (magic !== MAGIC) throw unreadable('it is not a Debian package')
  const members: ArMember[] = []
  let position = MAGIC.length
  while (position < fileBytes) {
    if (members.length === MEMBER_LIMIT) throw unreadable('it has too many members')
    const header = window.read(position, HEADER_BYTES).toString('latin1')
    if (header.length < HEADER_BYTES) throw unreadable('it is cut off within a header')
    const size = header.slice(48, 58).trim()
    if (header.slice(58) !== '`\n' || !/^\d{1,10}$/.test(size))
      throw unreadable(`its part ${members.length + 1} has a damaged header`)
    const member = {
      name: header.slice(0, 16).trimEnd().replace(/\/$/, ''),
      position: position + HEADER_BYTES,
      sizeBytes: Number(size),
    }
    const end = member.position + member.sizeBytes
    if (end > fileBytes)
      throw unreadable(
        `it is cut off: ${member.name} should have ${member.sizeBytes} bytes, but only ${Math.max(0, fileBytes - member.position)} are there`,
      )
    members.push(member)
    position = end + (member.sizeBytes % 2) // members start at even positions
  }
  return members
}
