/** The command lines of the project's own scripts: `--help` and unknown options behave alike in all of them. */
import { parseArgs, type ParseArgsConfig } from 'node:util'

type Flags = NonNullable<ParseArgsConfig['options']>
type Values<T extends Flags> = ReturnType<typeof parseArgs<{ options: T }>>['values']

/**
 * Reads the options of a script. Ends the process with 0 after printing the help, if that was asked for; with 2
 * and a message, if an option is unknown.
 * @param help starts with what the script does; holds a line `Usage: …`
 */
export function commandLine<T extends Flags>(help: string, options: T): Values<T> {
  return commandLineWithNames(help, options, false).values
}

/** Like `commandLine`, for a script that also takes names or paths: `positionals`. */
export function commandLineWithNames<T extends Flags>(
  help: string,
  options: T,
  allowPositionals = true,
): { values: Values<T>; positionals: string[] } {
  if (asksForHelp(process.argv.slice(2))) end(help)
  try {
    const config: ParseArgsConfig = { options, allowPositionals }
    const { values, positionals } = parseArgs(config)
    return { values: values as Values<T>, positionals }
  } catch (error) {
    refuseCommandLine(error, help)
  }
}

/** Whether the script has to print its help and do nothing else. */
export const asksForHelp = (words: readonly string[]): boolean =>
  words.includes('--help') || words.includes('-h')

/** Ends the process with 2: a word of the command line is wrong. */
export function refuseCommandLine(error: unknown, help: string): never {
  const usage = /^Usage: (.+)$/m.exec(help)?.[1]
  console.error(`${(error as Error).message}${usage === undefined ? '' : ` (usage: ${usage})`}`)
  process.exit(2)
}

function end(help: string): never {
  process.stdout.write(help)
  process.exit(0)
}
