/**
 * Splits a line of installer arguments by the rules of the program that reads it. The signed command carries the result, so that
 * no shell is involved.
 */
import type { DevicePlatform, InstallerKind } from './platforms.ts'

export class ArgumentSyntaxError extends Error {}

const NOT_CLOSED = 'a quotation mark is not closed'
/** A pasted line break separates arguments, like a space. */
const isBlank = (c: string | undefined): boolean =>
  c === ' ' || c === '\t' || c === '\n' || c === '\r'

/**
 * For Windows programs that read their line like CommandLineToArgvW: backslashes are special only before a quote; "" inside quotes
 * is one quote.
 * @param isPlainPath whether a text that starts like this is a path, in which `\"` ends the argument: paths hold no quotes
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

/** `C:\…`, `\\server\…`, `%ProgramFiles%\…`, also after `NAME=` */
const isPath = (text: string): boolean =>
  /^(?:[^"\s=]*=)?(?:[A-Za-z]:|\\\\|%[^%]+%\\|\.{1,2}\\)/.test(text)

/**
 * msiexec and cmd.exe: a quote opens and closes anywhere, a backslash is literal; "" inside quotes is one quote
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

/** NSIS reads everything after `/D=` unquoted, and only as the last argument (nsis.sourceforge.io, section 3.2.1). */
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
 * Every Windows program parses its own command line, and setups differ: Inno ends `/DIR="C:\A B\"` at the quote, InstallShield
 * needs `/v"/qn X=\"1\""` unchanged. A line with quotes is passed to the program as typed.
 */
function splitForProgram(line: string): SplitArguments {
  if (!line.includes('"')) return splitWithNsisFolder(line)
  if (!isClosed(splitWindows, line) && !isClosed(splitByQuotes, line))
    throw new ArgumentSyntaxError(NOT_CLOSED)
  return { argv: [line.replace(/[\r\n]+/g, ' ').trim()], verbatim: true }
}

/**
 * The arguments in `line`, and whether the last one must reach the program verbatim.
 * @param kind the kind that is run (for an archive, the file in it). Left out: the common rule of the platform
 * @throws ArgumentSyntaxError if a quote is not closed
 */
export function splitArguments(
  line: string,
  platform: DevicePlatform,
  kind?: InstallerKind,
): SplitArguments {
  if (line.includes('\0')) throw new ArgumentSyntaxError('the line contains a null character')
  if (platform !== 'windows') return { argv: splitPosix(line), verbatim: false }
  switch (kind) {
    case 'msi':
    case 'msp':
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
