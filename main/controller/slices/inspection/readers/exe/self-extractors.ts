/** Programs that unpack themselves: 7-Zip, WinRAR and IExpress. What they run decides whether they can stay silent. */
import { crc32 } from 'node:zlib'
import type {
  InstallerKnowledge,
  InstallerWarning,
} from '#shared/contract/rest/installer-knowledge.ts'
import { cleanText, cutOff, unreadable } from '../../facts.ts'
import { knowledgeOf, read, usual, warning, withoutEmpty } from '../../knowledge.ts'
import { RT_RCDATA, type Program } from './program.ts'
import { productNameIn } from './stub.ts'
import { rarState } from './rar.ts'
import type { Window } from '../window.ts'

const SEVENZIP = '377abcaf271c'
const BEGIN = ';!@Install@!UTF-8!'
const END = ';!@InstallEnd@!'
const CONFIG_BYTES = 64 * 1024
const RESOURCE_LIMIT_BYTES = 4 * 1024
const SEVENZIP_HEAD_BYTES = 32
const LIST_LIMIT_BYTES = 16 * 1024 * 1024
/** Between the settings and the archive. */
const GAP_BYTES = 64
const DAMAGED = 'The archive in this file is damaged. Download it again.'
const ENCRYPTED = 'Its archive is encrypted: it asks for a password, and the agent cannot answer.'
const INNER = 'What it runs decides whether it stays silent. Try it on one PC first.'

/**
 * Whether the archive that begins here (7-Zip, DOC/7zFormat.txt) is whole; false: its head is damaged.
 * @throws AppError E_PACKAGE_UNREADABLE when it is cut off
 */
function isWholeArchive(window: Window, at: number, end: number): boolean {
  const head = window.read(at, SEVENZIP_HEAD_BYTES)
  if (at + SEVENZIP_HEAD_BYTES > end) throw cutOff('this archive', at + SEVENZIP_HEAD_BYTES, end)
  if (crc32(head.subarray(12)) !== head.readUInt32LE(8)) return false
  const listAt = at + SEVENZIP_HEAD_BYTES + Number(head.readBigUInt64LE(12))
  const listBytes = Number(head.readBigUInt64LE(20))
  if (listAt + listBytes > end) throw cutOff('this archive', listAt + listBytes, end)
  if (listBytes > LIST_LIMIT_BYTES) return true
  return crc32(window.read(listAt, listBytes)) === head.readUInt32LE(28)
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function readSevenZip(program: Program): InstallerKnowledge | null {
  const { window, overlay } = program
  const end = overlay.at + overlay.sizeBytes
  const head = window.read(overlay.at, Math.min(overlay.sizeBytes, CONFIG_BYTES))
  const found = (at: number): { complete: boolean; damaged: InstallerWarning[] } => {
    const complete = isWholeArchive(window, overlay.at + at, end)
    return { complete, damaged: complete ? [] : [warning('truncated', DAMAGED)] }
  }
  // It only unpacks documents; nothing is started.
  if (head.toString('hex', 0, 6) === SEVENZIP) {
    const { complete, damaged } = found(0)
    return knowledgeOf('sevenzip', {
      is_installer: false,
      complete,
      warnings: damaged,
      facts: { arch: usual('any', 'self-extractor') },
    })
  }
  const text = head.toString('utf8').replace(/^\ufeff/, '')
  if (!text.startsWith(BEGIN)) return null
  const config = text.slice(BEGIN.length, Math.max(0, text.indexOf(END)))
  const settingsEnd = head.indexOf(END) + END.length
  const archiveAt = head.subarray(0, settingsEnd + GAP_BYTES).indexOf(SEVENZIP, settingsEnd, 'hex')
  const isCutOff = settingsEnd < END.length || archiveAt < 0
  if (isCutOff && overlay.sizeBytes < CONFIG_BYTES - GAP_BYTES)
    throw unreadable(
      'it is cut off: the archive after the settings of this self-extractor is missing',
    )
  const { complete, damaged } = isCutOff ? { complete: null, damaged: [] } : found(archiveAt)
  const title = /(?:^|\n)\s{0,9}Title="([^"\n]{1,200})"/.exec(config)?.[1] ?? ''
  return knowledgeOf('sevenzip', {
    complete,
    warnings: [...damaged, warning('may_wait', INNER)],
    facts: {
      ...withoutEmpty({ name: read(cleanText(title, 200), 'settings of the self-extractor') }),
      install_args: usual('-y', '7-Zip self-extractor'),
    },
  })
}

/** @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function readRar({ window, overlay }: Program): InstallerKnowledge | null {
  const state = rarState(window, overlay)
  if (state === null) return null
  const more = {
    whole: [],
    damaged: [warning('truncated', DAMAGED)],
    encrypted: [warning('encrypted', ENCRYPTED)],
    unknown: [],
  }
  return knowledgeOf('rar', {
    is_installer: null,
    complete: state === 'whole' ? true : state === 'damaged' ? false : null,
    warnings: [...more[state], warning('may_wait', INNER)],
    facts: { install_args: usual('/s', 'WinRAR self-extractor') },
  })
}

const WINDOWS_1252 = new TextDecoder('windows-1252')

export function readIexpress(program: Program): InstallerKnowledge | null {
  const { window, strings } = program
  const text = (name: string): string => {
    const place = program.resource(RT_RCDATA, name)
    if (!place || place.sizeBytes > RESOURCE_LIMIT_BYTES) return ''
    return cleanText(
      WINDOWS_1252.decode(window.read(place.at, place.sizeBytes)).split('\0', 1)[0]!,
      200,
    )
  }
  const isIexpress =
    program.resource(RT_RCDATA, 'CABINET') && program.resource(RT_RCDATA, 'RUNPROGRAM')
  if (!isIexpress) return null
  const title = text('TITLE')
  const name = productNameIn(strings)
  return knowledgeOf('iexpress', {
    warnings: text('ADMQCMD') === '' ? [warning('may_wait', INNER)] : [],
    facts: {
      ...withoutEmpty({ name: read(title === name ? '' : title, 'TITLE') }),
      install_args: usual('/Q', 'IExpress'),
    },
  })
}
