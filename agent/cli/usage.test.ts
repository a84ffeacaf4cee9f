import { describe, expect, it } from 'vitest'
import { startAgent } from '../test-kit/agent-process.ts'
import { AgentFailure } from '../lib/failure.ts'
import { parseArguments } from './usage.ts'

const failureOf = (work: () => unknown): AgentFailure => {
  try {
    work()
  } catch (error) {
    if (error instanceof AgentFailure) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('the command line', () => {
  it('accepts the options of a command', () => {
    expect(parseArguments('run', ['--state', '/s', '--code=DX1', '--name', 'a b'])).toEqual({
      state: '/s',
      code: 'DX1',
      name: 'a b',
    })
  })

  it.each([
    ['an unknown option', ['--state', '/s', '--nope'], /Unknown option '--nope'/],
    ['an option of another command', ['--state', '/s', '--json'], /Unknown option '--json'/],
    ['a missing value', ['--state'], /--state/],
    ['an empty value', ['--state', ''], /--state has no value/],
    ['a missing option', [], /--state DIR is missing/],
    ['a word too many', ['--state', '/s', 'word'], /word/],
  ])('answers %s with one line and exit code 2', (_what, words, text) => {
    const failure = failureOf(() => parseArguments('run', words))
    expect(failure.exitCode).toBe(2)
    expect(failure.message).toMatch(text)
    expect(failure.message).not.toContain('\n')
  })

  it.each([
    [['--version'], 0, 'stdout', /^\d+\.\d+\.\d+\n$/],
    [['--help'], 0, 'stdout', /Usage: deployx-agent COMMAND/],
    [['status', '--help'], 0, 'stdout', /--state DIR/],
    [[], 2, 'stderr', /^No command given[^\n]*\n$/],
    [['nope'], 2, 'stderr', /^Unknown command 'nope'[^\n]*\n$/],
    [['--help'], 0, 'stdout', /discover --state DIR \[--name NAME\] \[--hub HOST:PORT\]/],
    [['discover'], 2, 'stderr', /^--state DIR is missing[^\n]*\n$/],
    [
      ['discover', '--state', '/nonexistent/x', '--hub', 'somewhere'],
      2,
      'stderr',
      /^--hub takes HOST:PORT[^\n]*\n$/,
    ],
    [['install-service', '--help'], 0, 'stdout', /--code CODE/],
    [['install-service'], 1, 'stderr', /^Only the single-file agent can be a service[^\n]*\n$/],
    [['install-service', '--code', 'DX1.no'], 2, 'stderr', /^The code is[^\n]*\n$/],
    [['uninstall-service', '--purge'], 2, 'stderr', /^Unknown option '--purge'[^\n]*\n$/],
    [
      ['run', '--state', '/nonexistent/x', '--code', 'DX1.no'],
      2,
      'stderr',
      /^The code is[^\n]*\n$/,
    ],
    [['status', '--state', '/nonexistent/x'], 1, 'stderr', /is not the state folder[^\n]*\n$/],
  ] as const)('ends `%j` with exit code %i', async (words, exitCode, stream, text) => {
    const agent = startAgent(words)
    expect(await agent.ended).toBe(exitCode)
    expect(agent[stream]()).toMatch(text)
  })
})
