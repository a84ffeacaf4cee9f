/** The agent's entry point: `node agent/main.ts COMMAND`, the same in a bundle and as a single executable. */
import { resolve } from 'node:path'
import { replaceMisleading } from '#shared/domain/plain-text.ts'
import { ignoreOutputErrors } from '#shared/node/output.ts'
import { commandHelp, COMMANDS, generalHelp, parseArguments } from './cli/usage.ts'
import type { CommandName } from './cli/usage.ts'
import { AgentFailure } from './lib/failure.ts'
import { AGENT_VERSION } from './lib/version.ts'

const isCommand = (word: string): word is CommandName => Object.hasOwn(COMMANDS, word)

/** Each command loads what it needs, so that the supervisor starts with very little code. */
async function perform(words: readonly string[]): Promise<number> {
  const [command = '', ...rest] = words
  // Internal: started by the agent (supervisor/client.ts).
  if (command === 'supervise' && rest.length === 1)
    return (await import('./supervisor/supervise.ts')).supervise(resolve(rest[0]!))
  // Internal: started by the agent's other supervisor (supervisor/shell-script.ts).
  if (command === 'attend' && rest.length === 1)
    return (await import('./supervisor/attend.ts')).attend(resolve(rest[0]!))
  // Internal: run by an agent on its next version (update/stage.ts).
  if (command === 'check-state' && rest.length === 1)
    return (await import('./cli/check-state.ts')).checkStateCommand(resolve(rest[0]!))
  if (command === '--version') return print(`${AGENT_VERSION}\n`)
  if (command === '--help' || command === 'help') return print(generalHelp())
  if (!isCommand(command))
    throw new AgentFailure(
      `${command === '' ? 'No command given' : `Unknown command '${command.slice(0, 80)}'`}. Commands: ${Object.keys(COMMANDS).join(', ')}; see --help.`,
      2,
    )
  const args = parseArguments(command, rest)
  if (args.help) return print(commandHelp(command))
  if (args.version) return print(`${AGENT_VERSION}\n`)
  switch (command) {
    case 'run':
      return (await import('./cli/run.ts')).runAgentCommand(args)
    case 'enroll':
      return (await import('./cli/enroll.ts')).enrollCommand(args)
    case 'discover':
      return (await import('./cli/discover.ts')).discoverCommand(args)
    case 'install-service':
      return (await import('./cli/service.ts')).installServiceCommand(args)
    case 'uninstall-service':
      return (await import('./cli/service.ts')).uninstallServiceCommand()
    case 'status':
      return (await import('./cli/status.ts')).statusCommand(args)
  }
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

const inOneLine = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')

function fail(error: unknown): number {
  const text = error instanceof AgentFailure ? error.message : `Unexpected error: ${String(error)}`
  // It may contain text from a hub.
  process.stderr.write(`${replaceMisleading(inOneLine(text))}\n`)
  return error instanceof AgentFailure ? error.exitCode : 1
}

/**
 * Gives output time to be written; anything still running after that (a download, for example) is abandoned.
 */
const EXIT_LIMIT_MS = 1_000

function end(exitCode: number): void {
  process.exitCode = exitCode
  setTimeout(() => process.exit(), EXIT_LIMIT_MS).unref()
}

ignoreOutputErrors()
perform(process.argv.slice(2))
  .catch(fail)
  .then(end)
  .catch(() => process.exit(1))
