/**
 * An expected failure with a message for people. It ends the program with exit code 1 or 2, or an attempt.
 */
export class AgentFailure extends Error {
  readonly exitCode: 1 | 2
  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message)
    this.name = 'AgentFailure'
    this.exitCode = exitCode
  }
}
