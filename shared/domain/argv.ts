/**
 * Splits a line of installer arguments once, by the rules of the program that reads it. The signed command carries the result,
 * so that no shell ever sees a string.
 */
import type { DevicePlatform, InstallerKind } from './platforms.ts'

export class ArgumentSyntaxError extends Error {}

const NOT_CLOSED = 'a quotation mark is not closed'
/** A line break that came along with pasted text separates, as a blank does. */
const isBlank = (c: string | undefined): boolean =>
  c === ' ' || c === '\t' || c === '\n' || c === '\r'

/**
 * Windows programs that read their line as CommandLineToArgvW does: backslashes count only before a quote; "" inside quotes is one
 * quote.
 * @param isPlainPath whether `\"` behind a text that begins like this ends a path: paths hold no quotes
 */
function splitWindows(
  line: string,
  isPlainPath: (text: string) => boolean = () => false,
): string[] {
  const argv: string[] = []
  let i = 0
  while (i < line.length) {
    while (isBlank(line[i])) i++
    if (i >= line.length) break
    let arg = ''
    let quoted = false
    let quotedFrom = 0
    for (; i < line.length; i++) {
      const c = line[i]
      if (c === '\\') {
        let n = 0
        while (line[i + n] === '\\') n++
        const beforeQuote = line[i + n] === '"' && !(quoted && isPlainPath(arg.slice(quotedFrom)))
        arg += '\\'.repeat(beforeQuote ? Math.floor(n / 2) : n)
        i += n - 1
        if (beforeQuote && n % 2 === 1) {
          arg += '"'
          i++
        }
      } else if (c === '"') {
        if (quoted && line[i + 1] === '"') {
          arg += '"'
          i++
        } else {
          quoted = !quoted
          quotedFrom = arg.length
        }
      } else if (!quoted && isBlank(c)) break
      else arg += c
    }
    if (quoted) throw new ArgumentSyntaxError(NOT_CLOSED)
    argv.push(arg)
  }
  return argv
}

/** `C:\…`, `\\server\…`, `%ProgramFiles%\…`, also behind `NAME=` */
const isPath = (text: string): boolean =>
  /^(?:[^"\s=]*=)?(?:[A-Za-z]:|\\\\|%[^%]+%\\|\.{1,2}\\)/.test(text)

/**
 * msiexec and cmd.exe: a quote opens and closes wherever it stands, a backslash is a backslash; "" inside quotes is one quote
 * (learn.microsoft.com/windows/win32/msi/command-line-options).
 */
function splitByQuotes(line: string): string[] {
  const argv: string[] = []
  let arg: string | null = null
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (c === '"') {
      arg ??= ''
      if (quoted && line[i + 1] === '"') {
        arg += '"'
        i++
      } else quoted = !quoted
    } else if (!quoted && isBlank(c)) {
      if (arg !== null) argv.push(arg)
      arg = null
    } else arg = (arg ?? '') + c
  }
  if (quoted) throw new ArgumentSyntaxError(NOT_CLOSED)
  if (arg !== null) argv.push(arg)
  return argv
}

/** POSIX: quotes and backslashes as in sh(1); no expansion of any kind. */
function splitPosix(line: string): string[] {
  const argv: string[] = []
  let arg: string | null = null
  let quote: '"' | "'" | null = null
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (quote === "'") {
      if (c === "'") quote = null
      else arg += c
    } else if (quote === '"') {
      if (c === '"') quote = null
      else if (c === '\\' && '"\\$`'.includes(line[i + 1] ?? '')) arg += line[++i]!
      else arg += c
    } else if (c === '"' || c === "'") {
      quote = c
      arg ??= ''
    } else if (c === '\\') {
      if (i + 1 >= line.length) throw new ArgumentSyntaxError('the line ends in a backslash')
      arg = (arg ?? '') + line[++i]!
    } else if (isBlank(c)) {
      if (arg !== null) argv.push(arg)
      arg = null
    } else arg = (arg ?? '') + c
  }
  if (quote) throw new ArgumentSyntaxError(NOT_CLOSED)
  if (arg !== null) argv.push(arg)
  return argv
}

export type SplitArguments = { argv: string[]; verbatim: boolean }

/** NSIS takes everything behind `/D=` unquoted and only as the last argument (nsis.sourceforge.io, section 3.2.1). */
function splitWithNsisFolder(line: string): SplitArguments {
  const nsisFolder = /(?:^|\s)\/D=/.exec(line)
  if (!nsisFolder) return { argv: splitWindows(line), verbatim: false }
  return {
    argv: [...splitWindows(line.slice(0, nsisFolder.index)), line.slice(nsisFolder.index).trim()],
    verbatim: true,
  }
}

function isClosed(split: (line: string) => string[], line: string): boolean {
  try {
    split(line)
    return true
  } catch {
    return false
  }
}

/**
 * Every Windows program reads its line by itself, and makers of setups differ: Inno ends `/DIR="C:\A B\"` at the quote,
 * InstallShield wants `/v"/qn X=\"1\""` as it stands. Where there are quotes, the line reaches the program as it was typed.
 */
function splitForProgram(line: string): SplitArguments {
  if (!line.includes('"')) return splitWithNsisFolder(line)
  if (!isClosed(splitWindows, line) && !isClosed(splitByQuotes, line))
    throw new ArgumentSyntaxError(NOT_CLOSED)
  return { argv: [line.replace(/[\r\n]+/g, ' ').trim()], verbatim: true }
}

/**
 * The arguments in `line`, and whether the last of them must reach the program verbatim.
 * @param kind what is run: of an archive the file in it. Left out: the common rule of the platform
 * @throws ArgumentSyntaxError when a quote is left open
 */
export function splitArguments(
  line: string,
  platform: DevicePlatform,
  kind?: InstallerKind,
): SplitArguments {
  if (line.includes('\0')) throw new ArgumentSyntaxError('the line holds a null character')
  if (platform !== 'windows') return { argv: splitPosix(line), verbatim: false }
  switch (kind) {
    case 'msi':
    case 'cmd':
      return { argv: splitByQuotes(line), verbatim: false }
    case 'ps1':
      return { argv: splitWindows(line, isPath), verbatim: false }
    case 'exe':
      return splitForProgram(line)
    default:
      return splitWithNsisFolder(line)
  }
}
