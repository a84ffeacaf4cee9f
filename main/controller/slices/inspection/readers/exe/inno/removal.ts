/** The uninstaller that Inno Setup leaves on a PC (jrsoftware.org/ishelp: "Uninstaller Command Line Parameters", "Constants"). */
import { cleanText } from '../../../facts.ts'

const ARGS = '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART'
const FOLDER = /^\{(?:auto|common)?(pf|pf32|pf64|appdata)\}(?=\\)|^\{(sd|win)\}(?=\\)/i
/** As Windows names them in variables; `pf` depends on the mode. */
const FOLDERS: Readonly<Record<string, string>> = {
  pf32: '%ProgramFiles(x86)%',
  pf64: '%ProgramW6432%',
  appdata: '%ProgramData%',
  sd: '%SystemDrive%',
  win: '%SystemRoot%',
}

/** A text of the header as it is shown. Empty: parts of it depend on the PC. */
export function plain(text: string): string {
  const withoutEscapes = text.replaceAll('{{', '\0')
  return withoutEscapes.includes('{') ? '' : withoutEscapes.replaceAll('\0', '{')
}

function withoutTrailingBackslashes(path: string): string {
  let end = path.length
  while (path[end - 1] === '\\') end--
  return path.slice(0, end)
}

/**
 * The command that removes the program silently, for an installation for the whole PC. Empty: it depends on the PC.
 * @param is64Bit it installs in 64-bit mode
 */
export function removalCommand(
  { appDir, uninstallDir }: { appDir: string; uninstallDir: string },
  is64Bit: boolean,
): string {
  const found = FOLDER.exec(appDir)
  if (!found) return ''
  const name = (found[1] ?? found[2]!).toLowerCase()
  const folder = FOLDERS[name === 'pf' ? (is64Bit ? 'pf64' : 'pf32') : name]!
  const rest = plain(appDir.slice(found[0].length))
  const below = uninstallDir === '' ? '{app}' : uninstallDir
  if (rest.length < 2 || !/^\{app\}(?:\\|$)/i.test(below)) return ''
  const sub = withoutTrailingBackslashes(below.slice('{app}'.length))
  if (plain(sub) !== sub || /["%]/.test(rest + sub)) return ''
  const path = `${folder}${withoutTrailingBackslashes(rest)}${sub}\\unins000.exe`
  return cleanText(`"${path}" ${ARGS}`, 1_000)
}
