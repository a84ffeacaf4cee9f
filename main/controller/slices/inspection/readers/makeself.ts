/** Self-extracting scripts of makeself (makeself.io): a shell script followed by its archive. */
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { guess, knowledgeOf, read, usual, warning, withoutEmpty } from '../knowledge.ts'
import type { Window } from './window.ts'

const HEAD_LIMIT_BYTES = 256 * 1024
const WITHOUT_ARCHIVE =
  'The script does not say where its archive begins, so the download may have been cut off. Download it again.'
const ENCRYPTED = 'Its archive is encrypted: it asks for a password, and the agent cannot answer.'
const MARK = 'generated using Makeself '
/** In older ones, the number of lines is only in a command. */
const SKIPPED = /^offset=`head -n (\d{1,6}) "\$0"/m

/** `label="…"` and the like, before the functions of the script. */
const settingOf = (script: string, name: string): string =>
  new RegExp(`^${name}=(["'])(.*)\\1$`, 'm').exec(script)?.[2] ?? ''

/** Where the line with this number ends; null when it is not in the text. */
function endOfLine(head: Buffer, lines: number): number | null {
  let at = 0
  for (let line = 0; line < lines; line++) {
    const end = head.indexOf(10, at)
    if (end < 0) return null
    at = end + 1
  }
  return at
}

/** Whether every byte is there; null when the script does not say, false when it ends before it says. @throws AppError E_PACKAGE_UNREADABLE */
function checkComplete(window: Window, head: Buffer, script: string): boolean | null {
  const skip = Number(settingOf(script, 'skip') || SKIPPED.exec(script)?.[1] || NaN)
  if (settingOf(script, 'filesizes') === '' && window.sizeBytes < HEAD_LIMIT_BYTES)
    throw unreadable('it is cut off within its script')
  const sizes = settingOf(script, 'filesizes').trim().split(/\s+/).map(Number)
  const from = Number.isSafeInteger(skip) && skip < 100_000 ? endOfLine(head, skip) : null
  if (from === null && window.sizeBytes < HEAD_LIMIT_BYTES && skip > 0)
    throw unreadable('it is cut off within its script')
  if (from === null && window.sizeBytes < HEAD_LIMIT_BYTES) return false
  if (from === null || sizes.length === 0 || !sizes.every((size) => size > 0)) return null
  const end = from + sizes.reduce((sum, size) => sum + size, 0)
  if (end > window.sizeBytes)
    throw unreadable(
      `it is cut off: it should have ${end} bytes, but only ${window.sizeBytes} are there`,
    )
  return true
}

/** `Tool 1.2`: many labels end with the version. */
function namesOf(label: string): { name: string; version: string } {
  const cut = Math.max(...[' ', '_', '-'].map((sign) => label.lastIndexOf(sign)))
  const last = label.slice(cut + 1)
  return cut > 0 && /^v?\d/i.test(last)
    ? { name: label.slice(0, cut), version: last.replace(/^v/i, '') }
    : { name: label, version: '' }
}

/** Nothing for other scripts. @throws AppError E_PACKAGE_UNREADABLE when it is cut off */
export function readMakeself(window: Window): Partial<PackageFacts> {
  const head = window.read(0, HEAD_LIMIT_BYTES)
  const script = head.toString('latin1')
  const markAt = script.slice(0, 1024).indexOf(MARK)
  if (!script.startsWith('#!') || markAt < 0) return {}
  const [maker = ''] = /^[\d.]{0,20}/.exec(script.slice(markAt + MARK.length)) ?? []
  const complete = checkComplete(window, head, script)
  const label = cleanText(Buffer.from(settingOf(script, 'label'), 'latin1').toString('utf8'), 200)
  const { name, version } = namesOf(label)
  const isEncrypted = settingOf(script, 'decrypt_cmd') !== ''
  return {
    name,
    version,
    knowledge: knowledgeOf('makeself', {
      complete,
      facts: withoutEmpty({
        name: read(name, 'its label'),
        version: guess(version, 'its label'),
        install_args: usual('--quiet --accept', `makeself ${maker}`),
      }),
      warnings: [
        ...(complete === false ? [warning('truncated', WITHOUT_ARCHIVE)] : []),
        ...(isEncrypted ? [warning('encrypted', ENCRYPTED)] : []),
      ],
    }),
  }
}
