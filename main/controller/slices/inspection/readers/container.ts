/** What a file is by its first or last bytes, whatever its name says. Only used to name it in a message. */
import type { Window } from './window.ts'

const HEADS: readonly (readonly [hex: string, what: string])[] = [
  ['d0cf11e0a1b11ae1', 'a Windows Installer package (.msi) or an Office document'],
  ['4d5a', 'a Windows program (.exe)'],
  ['504b0304', 'a zip archive, or a format that is built on it'],
  ['78617221', 'a macOS installer package (.pkg)'],
  ['edabeedb', 'an RPM package (.rpm)'],
  ['213c617263683e0a', 'a Debian package (.deb)'],
  ['4d534346', 'a Windows cabinet (.cab) or update (.msu)'],
  ['377abcaf271c', 'a 7z archive'],
  ['526172211a07', 'a RAR archive'],
  ['7f454c46', 'a Linux program'],
  ['1f8b', 'a gzip file'],
  ['fd377a585a00', 'an xz file'],
  ['25504446', 'a PDF document'],
  ['2321', 'a script'],
  ['3c21444f43545950', 'a web page, perhaps of a failed download'],
  ['3c68746d6c', 'a web page, perhaps of a failed download'],
]
const TRAILER_BYTES = 512

/** Words for a message; null: unknown. */
export function containerOf(window: Window): string | null {
  const head = window.read(0, 16).toString('hex').toLowerCase()
  const found = HEADS.find(([hex]) => head.startsWith(hex))
  if (found) return found[1]
  const trailer = window.read(Math.max(0, window.sizeBytes - TRAILER_BYTES), 4)
  return trailer.toString('latin1') === 'koly' ? 'a macOS disk image (.dmg)' : null
}
