/** The uninstaller that Inno Setup leaves on a PC (jrsoftware.org/ishelp: "Uninstaller Command Line Parameters", "Constants"). */
import { cleanText } from '../../../facts.ts'

const ARGS = '/VERYSILENT /SUPPRESSMSGBOXES /NORESTART'
/** A folder constant at the start of a path. */
const FOLDER_CONSTANT = /^\{(?:auto|common)?(pf|pf32|pf64|appdata)\}(?=\\)|^\{(sd|win)\}(?=\\)/i
/** Folder constants of Inno Setup as environment variables; `pf` depends on the installation mode. */
const FOLDER_VARIABLES: Readonly<Record<string, string>> = {
  pf32: '%ProgramFiles(x86)%',
  pf64: '%ProgramW6432%',
  appdata: '%ProgramData%',
  sd: '%SystemDrive%',
  win: '%SystemRoot%',
}

/** The literal text of a directive, in which `{{` stands for `{`. Empty: it has constants, whose values depend on the PC. */
export function literalText(text: string): string {
  const withoutEscapes = text.replaceAll('{{', '\0')
  return withoutEscapes.includes('{') ? '' : withoutEscapes.replaceAll('\0', '{')
}

function withoutTrailingBackslashes(path: string): string {
  let end = path.length
  while (path[end - 1] === '\\') end--
  return path.slice(0, end)
}

/**
 * The silent uninstall command of an installation for the whole PC, from the values of DefaultDirName and UninstallFilesDir. Empty:
 * the path of the uninstaller depends on the PC.
 * @param is64Bit whether it installs in 64-bit mode
 */
export function uninstallCommand(
  { appDir, uninstallDir }: { appDir: string; uninstallDir: string },
  is64Bit: boolean,
): string {
  const found = FOLDER_CONSTANT.exec(appDir)
  if (!found) return ''
  const name = (found[1] ?? found[2]!).toLowerCase()
  const folder = FOLDER_VARIABLES[name === 'pf' ? (is64Bit ? 'pf64' : 'pf32') : name]!
  const rest = literalText(appDir.slice(found[0].length))
  const uninstallFolder = uninstallDir === '' ? '{app}' : uninstallDir
  if (rest.length < 2 || !/^\{app\}(?:\\|$)/i.test(uninstallFolder)) return ''
  const subfolder = withoutTrailingBackslashes(uninstallFolder.slice('{app}'.length))
  if (literalText(subfolder) !== subfolder || /["%]/.test(rest + subfolder)) return ''
  const path = `${folder}${withoutTrailingBackslashes(rest)}${subfolder}\\unins000.exe`
  return cleanText(`"${path}" ${ARGS}`, 1_000)
}
