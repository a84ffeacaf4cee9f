/** The agent's command line: its commands and options, and what they mean. */
import { parseArgs } from 'node:util'
import { AgentFailure } from '../lib/failure.ts'

type OptionName = 'code' | 'state' | 'name' | 'hub' | 'install-root' | 'log-file' | 'json'
type Command = {
  summary: string
  /** Options it accepts; those in `required` are mandatory. */
  options: readonly OptionName[]
  required: readonly OptionName[]
}

export const COMMANDS = {
  run: {
    summary: 'Runs the agent in the foreground; enrols first when a code is given.',
    options: ['code', 'state', 'name', 'install-root', 'log-file'],
    required: ['state'],
  },
  enroll: {
    summary: 'Enrols this PC with a controller and exits.',
    options: ['code', 'state', 'name'],
    required: ['code', 'state'],
  },
  discover: {
    summary:
      'Finds the controller on the LAN and enrols this PC without a code; you compare six digits on both screens.',
    options: ['state', 'name', 'hub'],
    required: ['state'],
  },
  'install-service': {
    summary:
      'Installs the agent as a service that starts now and at every boot. Run it again to update.',
    options: ['code', 'name'],
    required: [],
  },
  'uninstall-service': {
    summary: 'Stops and removes the service; the identity of this PC is kept.',
    options: [],
    required: [],
  },
  status: {
    summary: 'Prints the status of the agent with this state folder.',
    options: ['state', 'json'],
    required: ['state'],
  },
} as const satisfies Record<string, Command>
export type CommandName = keyof typeof COMMANDS

const OPTIONS: Record<OptionName, { type: 'string' | 'boolean'; value: string; text: string }> = {
  code: { type: 'string', value: ' CODE', text: 'enrolment code from the console (DX1.…)' },
  state: { type: 'string', value: ' DIR', text: "folder for the agent's identity and journal" },
  name: {
    type: 'string',
    value: ' NAME',
    text: 'name of this PC in the console (default: its host name)',
  },
  hub: {
    type: 'string',
    value: ' HOST:PORT',
    text: 'address of the controller, if it is not found on the LAN',
  },
  'install-root': {
    type: 'string',
    value: ' DIR',
    text: 'use this folder as / for installing and detecting (Linux only)',
  },
  'log-file': {
    type: 'string',
    value: ' FILE',
    text: 'write the log to this file; it is rotated at 10 MiB, and two older files are kept',
  },
  json: { type: 'boolean', value: '', text: 'print JSON' },
}

export type Arguments = Partial<
  Record<'code' | 'state' | 'name' | 'hub' | 'install-root' | 'log-file', string>
> & {
  json?: boolean
  help?: boolean
  version?: boolean
}

const PROGRAM = 'deployx-agent'
const optionText = (name: OptionName, isRequired: boolean): string => {
  const text = `--${name}${OPTIONS[name].value}`
  return isRequired ? text : `[${text}]`
}
const usageOf = (name: CommandName): string => {
  const command: Command = COMMANDS[name]
  return [
    name,
    ...command.options.map((option) => optionText(option, command.required.includes(option))),
  ].join(' ')
}

export function generalHelp(): string {
  const names = Object.keys(COMMANDS) as CommandName[]
  return [
    `Usage: ${PROGRAM} COMMAND [options]`,
    '',
    ...names.map((name) => `  ${usageOf(name)}\n      ${COMMANDS[name].summary}`),
    '',
    'Every command takes --help and --version.',
    'Environment: DEPLOYX_LOG_LEVEL (fatal, error, warn, info, debug, trace, silent).',
    'Exit codes: 0 success, 1 failure, 2 usage error.',
    '',
  ].join('\n')
}

export function commandHelp(name: CommandName): string {
  const lines = COMMANDS[name].options.map(
    (option) => `  ${`--${option}${OPTIONS[option].value}`.padEnd(22)}${OPTIONS[option].text}`,
  )
  return [`Usage: ${PROGRAM} ${usageOf(name)}`, '', COMMANDS[name].summary, '', ...lines, ''].join(
    '\n',
  )
}

/** The first sentence of parseArgs' error; the rest is advice for programmers. */
const firstSentence = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split(/\.\s|\n/)[0]!.replace(/\.$/, '')

/** @throws AgentFailure with exit code 2 when an option is unknown, has no value or is missing */
export function parseArguments(name: CommandName, words: readonly string[]): Arguments {
  const command: Command = COMMANDS[name]
  const hint = `See ${PROGRAM} ${name} --help.`
  let values: Arguments
  try {
    values = parseArgs({
      args: [...words],
      strict: true,
      allowPositionals: false,
      options: {
        ...Object.fromEntries(command.options.map((o) => [o, { type: OPTIONS[o].type }])),
        help: { type: 'boolean' },
        version: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new AgentFailure(`${firstSentence(error)}. ${hint}`, 2)
  }
  if (values.help || values.version) return values
  for (const option of command.options)
    if (values[option] === '') throw new AgentFailure(`--${option} has no value. ${hint}`, 2)
  for (const option of command.required)
    if (values[option] === undefined)
      throw new AgentFailure(`--${option}${OPTIONS[option].value} is missing. ${hint}`, 2)
  return values
}
