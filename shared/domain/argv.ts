/**
 * Splits a line of installer arguments once, by the rules of the target's platform. The signed command carries the result,
 * so that no shell ever sees a string.
 */
import type { DevicePlatform } from './platforms.ts'

export class ArgumentSyntaxError extends Error {}

/** Windows: the rules of CommandLineToArgvW (backslashes count only before a quote; "" inside quotes is one quote). */
function splitWindows(line: string): string[] {
  const argv: string[] = []
  let i = 0
  while (i < line.length) {
    while (line[i] === ' ' || line[i] === '\t') i++
    if (i >= line.length) break
    let arg = ''
    let quoted = false
    for (; i < line.length; i++) {
      const c = line[i]
      if (c === '\\') {
        let n = 0
        while (line[i + n] === '\\') n++
        const beforeQuote = line[i + n] === '"'
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
        } else quoted = !quoted
      } else if (!quoted && (c === ' ' || c === '\t')) break
      else arg += c
    }
    if (quoted) throw new ArgumentSyntaxError('a quotation mark is not closed')
    argv.push(arg)
  }
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
    } else if (c === ' ' || c === '\t' || c === '\n') {
      if (arg !== null) argv.push(arg)
      arg = null
    } else arg = (arg ?? '') + c
  }
  if (quote) throw new ArgumentSyntaxError('a quotation mark is not closed')
  if (arg !== null) argv.push(arg)
  return argv
}

/**
 * The arguments in `line`, and whether they must reach the program verbatim: NSIS takes everything behind `/D=`
 * unquoted and only as the last argument (nsis.sourceforge.io, section 3.2.1).
 * @throws ArgumentSyntaxError when a quote is left open
 */
export function splitArguments(
  line: string,
  platform: DevicePlatform,
): { argv: string[]; verbatim: boolean } {
  if (line.includes('\0')) throw new ArgumentSyntaxError('the line holds a null character')
  if (platform !== 'windows') return { argv: splitPosix(line), verbatim: false }
  const nsisFolder = /(?:^|\s)\/D=.*$/.exec(line)
  if (!nsisFolder) return { argv: splitWindows(line), verbatim: false }
  return {
    argv: [...splitWindows(line.slice(0, nsisFolder.index)), nsisFolder[0].trim()],
    verbatim: true,
  }
}
