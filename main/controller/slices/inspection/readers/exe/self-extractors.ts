/** Programs that unpack themselves: 7-Zip, WinRAR and IExpress. What they run decides whether they can stay silent. */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import { cleanText } from '../../facts.ts'
import { knowledgeOf, read, usual, warning, withoutEmpty } from '../../knowledge.ts'
import { RT_RCDATA, type Program } from './program.ts'
import { productNameIn } from './stub.ts'

const SEVENZIP = '377abcaf271c'
const RAR = '526172211a07'
const BEGIN = ';!@Install@!UTF-8!'
const END = ';!@InstallEnd@!'
const CONFIG_BYTES = 64 * 1024
const RESOURCE_LIMIT_BYTES = 4 * 1024
const INNER = 'What it runs decides whether it stays silent. Try it on one PC first.'

export function readSevenZip(program: Program): InstallerKnowledge | null {
  const { window, overlay } = program
  const head = window.read(overlay.at, Math.min(overlay.sizeBytes, CONFIG_BYTES))
  // It only unpacks documents; nothing is started.
  if (head.toString('hex', 0, 6) === SEVENZIP)
    return knowledgeOf('sevenzip', {
      is_installer: false,
      facts: { arch: usual('any', 'self-extractor') },
    })
  const text = head.toString('utf8').replace(/^\ufeff/, '')
  if (!text.startsWith(BEGIN)) return null
  const config = text.slice(BEGIN.length, Math.max(0, text.indexOf(END)))
  const title = /(?:^|\n)\s{0,9}Title="([^"\n]{1,200})"/.exec(config)?.[1] ?? ''
  return knowledgeOf('sevenzip', {
    warnings: [warning('may_wait', INNER)],
    facts: {
      ...withoutEmpty({ name: read(cleanText(title, 200), 'settings of the self-extractor') }),
      install_args: usual('-y', '7-Zip self-extractor'),
    },
  })
}

export function readRar({ window, overlay }: Program): InstallerKnowledge | null {
  if (window.read(overlay.at, 6).toString('hex') !== RAR) return null
  return knowledgeOf('rar', {
    is_installer: null,
    warnings: [warning('may_wait', INNER)],
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
