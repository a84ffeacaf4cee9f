/** Command lines of installers: quoting by the rules of each program, and the whole line as the console shows it. Pure. */
import { splitArguments } from './argv.ts'
import type { DevicePlatform, InstallerKind } from './platforms.ts'

function backslashesAtEnd(text: string): number {
  let n = 0
  while (text[text.length - 1 - n] === '\\') n++
  return n
}

/**
 * Quotes one argument for CommandLineToArgvW (learn.microsoft.com/windows/win32/api/shellapi/nf-shellapi-commandlinetoargvw):
 * backslashes are doubled only before a quote.
 */
export function quoteArgument(text: string): string {
  if (text !== '' && !/[\s"]/.test(text)) return text
  const pieces = text.split('"')
  return `"${pieces.map((piece) => piece + '\\'.repeat(backslashesAtEnd(piece))).join('\\"')}"`
}

/** For msiexec a backslash before a quote is literal; `""` inside quotes is one quote. */
const msiQuoted = (text: string): string =>
  text === '' || /[\s"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

/** msiexec accepts `NAME="a b"`, but not `"NAME=a b"`. `NAME=""` clears a property. */
export function msiArgument(text: string): string {
  const property = /^([A-Za-z_][A-Za-z0-9_.]*)=(.*)$/s.exec(text)
  return property ? `${property[1]}=${msiQuoted(property[2]!)}` : msiQuoted(text)
}

/** msiexec: no window, no restart of its own (learn.microsoft.com/windows/win32/msi/command-line-options). */
const QUIET = ['/qn', '/norestart']

/** Whether the arguments of msiexec already set the level of UI. */
const setsUi = (argv: readonly string[]): boolean =>
  argv.some((argument) => /^[/-](q|passive|quiet)/i.test(argument))

/** A verbose log, unless the arguments already set one. */
const logTo = (logFile: string, argv: readonly string[]): string[] =>
  argv.some((argument) => /^[/-]l/i.test(argument)) ? [] : ['/L*v', logFile]

export function msiInstallWords(
  packageFile: string,
  argv: readonly string[],
  logFile: string,
): string[] {
  const quiet = setsUi(argv) ? ['/norestart'] : QUIET
  const own = ['/i', packageFile, ...quiet, ...logTo(logFile, argv)]
  return [...own, ...argv].map(msiArgument)
}

/** @param product the product code, or the path of the package */
export const msiRemoveWords = (product: string, logFile: string): string[] =>
  ['/x', product, ...QUIET, ...logTo(logFile, [])].map(msiArgument)

export const mspInstallWords = (
  packageFile: string,
  argv: readonly string[],
  logFile: string,
): string[] => {
  const quiet = setsUi(argv) ? ['/norestart'] : QUIET
  return ['/p', packageFile, ...quiet, ...logTo(logFile, argv), ...argv].map(msiArgument)
}

/** wusa.exe (learn.microsoft.com, "Windows Update Standalone Installer"). */
export const msuInstallWords = (packageFile: string, argv: readonly string[]): string[] => [
  packageFile,
  '/quiet',
  '/norestart',
  ...argv,
]

/** dism.exe, which provides the package for every user of the PC ("DISM App Package Servicing Command-Line Options"). */
export const msixInstallWords = (packageFile: string, argv: readonly string[]): string[] => [
  '/Online',
  '/Add-ProvisionedAppxPackage',
  `/PackagePath:${packageFile}`,
  '/SkipLicense',
  '/Quiet',
  '/NoRestart',
  ...argv,
]

/** `verbatim`: the last argument is passed unchanged, so only the others are quoted here. */
export const exeWords = (argv: readonly string[], verbatim: boolean): string[] =>
  verbatim ? [...argv.slice(0, -1).map(quoteArgument), ...argv.slice(-1)] : argv.map(quoteArgument)

const posixQuoted = (text: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/**
 * The install command as one would type it, without the PC's folders. Null if the kind takes no arguments.
 * @throws ArgumentSyntaxError if a quote is not closed
 */
export function commandPreview(installer: {
  kind: InstallerKind
  platform: DevicePlatform
  fileName: string
  args: string
}): string | null {
  const { kind, platform, fileName, args } = installer
  const { argv, verbatim } = splitArguments(args, platform, kind)
  const posix = (...words: string[]): string => words.map(posixQuoted).join(' ')
  switch (kind) {
    case 'msi':
      return ['msiexec', ...msiInstallWords(fileName, argv, 'msi.log')].join(' ')
    case 'msp':
      return ['msiexec', ...mspInstallWords(fileName, argv, 'msi.log')].join(' ')
    case 'msu':
      return ['wusa', ...msuInstallWords(fileName, argv).map(quoteArgument)].join(' ')
    case 'msix':
      return ['dism', ...msixInstallWords(fileName, argv).map(quoteArgument)].join(' ')
    case 'exe':
      return [quoteArgument(fileName), ...exeWords(argv, verbatim)].join(' ')
    case 'ps1':
      return ['powershell -File', ...[fileName, ...argv].map(quoteArgument)].join(' ')
    case 'cmd':
      return ['cmd /c', ...[fileName, ...argv].map((word) => `"${word}"`)].join(' ')
    case 'sh':
      return posix(`./${fileName}`, ...argv)
    case 'deb':
      return posix('apt-get', 'install', ...argv, `./${fileName}`)
    case 'rpm':
      return posix('rpm', ...argv, '-U', fileName)
    case 'pkg':
      return posix('installer', '-pkg', fileName, '-target', '/', ...argv)
    case 'appimage':
    case 'dmg':
    case 'zip':
    case 'tar':
      return null
  }
}
