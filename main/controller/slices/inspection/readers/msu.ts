/** Updates of Windows: a cabinet ([MS-CAB]) that holds the update in another one, named after it. */
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { unreadable, type PackageFacts } from '../facts.ts'
import { knowledgeOf, read, usual, withoutEmpty } from '../knowledge.ts'
import type { Window } from './window.ts'

const HEADER_BYTES = 36
const FILE_HEAD_BYTES = 16
const NAME_LIMIT_BYTES = 256
const FILE_LIMIT = 1_000
/** `Windows10.0-KB5034441-x64.cab` */
const UPDATE = /^(Windows[0-9.]+)-KB(\d{5,9})-(x64|x86|arm64)(?:[-_.].*)?\.cab$/i

/** Names of the files in a cabinet. @throws AppError E_PACKAGE_UNREADABLE */
function namesIn(window: Window): string[] {
  const header = window.read(0, HEADER_BYTES)
  if (header.length < HEADER_BYTES) throw unreadable('it is cut off')
  const wholeBytes = header.readUInt32LE(8)
  if (wholeBytes > window.sizeBytes)
    throw unreadable(
      `it is cut off: it should have ${wholeBytes} bytes, but only ${window.sizeBytes} are there`,
    )
  const count = Math.min(header.readUInt16LE(28), FILE_LIMIT)
  const names: string[] = []
  let at = header.readUInt32LE(16)
  for (let i = 0; i < count; i++) {
    const entry = window.read(at, FILE_HEAD_BYTES + NAME_LIMIT_BYTES)
    const end = entry.indexOf(0, FILE_HEAD_BYTES)
    if (entry.length <= FILE_HEAD_BYTES || end < 0) throw unreadable('its list of files is damaged')
    names.push(entry.toString('latin1', FILE_HEAD_BYTES, end))
    at += end + 1
  }
  return names
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem */
export function readMsu(window: Window): Partial<PackageFacts> {
  const names = namesIn(window)
  const hasCabinet = names.some((name) => /\.cab$/i.test(name))
  if (!hasCabinet || !names.some((name) => /\.xml$/i.test(name)))
    throw unreadable('it is a cabinet without an update of Windows in it')
  const found = names.map((name) => UPDATE.exec(name)).find((match) => match !== null)
  const [, windows = '', number = '', word = ''] = found ?? []
  const arch = ({ x64: 'x64', x86: 'x86', arm64: 'arm64' } as const)[word.toLowerCase()] as
    InstallerArch | undefined
  const source = 'the name of the cabinet in it'
  return {
    name: found ? `${windows} KB${number}` : '',
    arch: arch ?? 'any',
    knowledge: knowledgeOf('msu', {
      complete: true,
      scope: 'machine',
      facts: withoutEmpty({
        ...(found ? { name: read(`${windows} KB${number}`, source) } : {}),
        ...(arch ? { arch: read(arch, source) } : {}),
        install_args: usual('/quiet /norestart', 'wusa'),
        ...(found
          ? { uninstall: usual(`wusa /uninstall /kb:${number} /quiet /norestart`, 'wusa') }
          : {}),
        // Already installed counts as well.
        success_exit_codes: usual([0, 3010, 2359302], 'wusa'),
      }),
    }),
  }
}
