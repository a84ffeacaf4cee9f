/** A log or output that nobody reads must not stop its program. */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'

const MODULE = JSON.stringify(join(import.meta.dirname, 'output.ts'))
let child: ChildProcessWithoutNullStreams | null = null
afterEach(() => void child?.kill('SIGKILL'))

/** Runs a script, with pipes that nobody reads yet. @param stderr a file descriptor instead of a pipe */
function run(script: string, stderr: 'pipe' | number = 'pipe') {
  const whole = `
    import * as output from ${MODULE}
    ${script}`
  const program = spawn(process.execPath, ['--input-type=module', '--eval', whole], {
    stdio: ['pipe', 'pipe', stderr],
  }) as ChildProcessWithoutNullStreams
  child = program
  return program
}

/** The program answers each word on one pipe, while it fills the other one. */
async function expectTurns(
  program: ChildProcessWithoutNullStreams,
  answers: NodeJS.ReadableStream,
): Promise<void> {
  for (const word of ['one', 'two', 'three']) {
    program.stdin.write(word)
    const [answer] = (await once(answers, 'data')) as [Buffer]
    expect(answer.toString()).toBe(word)
  }
}

const LINE = 'x'.repeat(100)
const LINES_A_TURN = 10_000
/** Far more than a pipe and the queue hold. */
const fill = (lines: string) =>
  `for (let n = 0; n < ${LINES_A_TURN}; n++) ${lines}.write('${LINE}\\n')`

describe.skipIf(!process.features.typescript || process.platform !== 'linux')('output', () => {
  it.each([
    ['a log whose writes do not block', 'createStderrLog(false)', 'stderr', 'stdout'],
    ['a log written by a thread', 'createStderrLog(true)', 'stderr', 'stdout'],
    ['lines whose writes do not block', 'createStdoutLines(false)', 'stdout', 'stderr'],
    ['lines written by a thread', 'createStdoutLines(true)', 'stdout', 'stderr'],
  ] as const)('of %s goes on while nobody reads', async (_what, create, filled, free) => {
    const program = run(
      `const lines = output.${create}
       process.stdin.on('data', (word) => {
         ${fill('lines')}
         process.${free}.write(word)
       })
       process.stdin.once('end', () => process.exit(5))`,
    )
    await expectTurns(program, program[free])
    let text = ''
    program[filled].on('data', (piece: Buffer) => (text += piece.toString()))
    const dropped = await until('the dropped lines', () =>
      /(?:dropped":|written: )(\d+)/.exec(text),
    )
    const written = text.split('\n').filter((line) => line.startsWith('xxx'))
    expect(written.length + Number(dropped[1])).toBe(3 * LINES_A_TURN)
    expect(new Set(written)).toEqual(new Set([LINE]))
    program.stdin.end()
    expect((await once(program, 'exit'))[0]).toBe(5)
  })

  it.each([
    ['exits', 'process.exit(5)', 5],
    ['crashes', `throw new Error('a crash')`, 1],
    ['ends', 'process.stdin.destroy()', 0],
  ])('of a thread is complete when the program %s', async (_how, end, code) => {
    const program = run(
      `const log = output.createStderrLog(true)
       process.stdin.once('data', () => {
         for (let n = 0; n < 50; n++) log.write('line ' + n + '\\n')
         ${end}
       })
       console.log('ready')`,
    )
    await once(program.stdout, 'data')
    let text = ''
    program.stderr.on('data', (piece: Buffer) => (text += piece.toString()))
    // Its first line, too, is written just before the end.
    program.stdin.write('end')
    expect((await once(program, 'close'))[0]).toBe(code)
    const lines = text.split('\n').filter((line) => line.startsWith('line '))
    expect(lines).toEqual(Array.from({ length: 50 }, (_, n) => `line ${n}`))
  })

  it('of a thread does not keep a program that exits, at a pipe that takes nothing', async () => {
    const program = run(
      `process.stderr.on('error', () => undefined)
       const log = output.createStderrLog(true)
       ${fill('log')}
       process.stdin.once('data', () => process.exit(5))`,
    )
    // Its own stream has put the pipe into non-blocking mode. Nothing is read after this.
    await once(program.stderr, 'readable')
    program.stdin.write('end')
    expect(await once(program, 'exit')).toEqual([5, null])
  })

  it('of a thread does not keep a program that exits, at a write that blocks', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'deployx-output-'))
    const path = join(folder, 'fifo')
    execFileSync('mkfifo', [path])
    // Unlike the pipes that Node makes for its children, this one is in blocking mode.
    const pipe = openSync(path, 'r+')
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const takes = (): boolean => {
      try {
        return readSync(reader, Buffer.alloc(1)) > 0
      } catch {
        return false
      }
    }
    try {
      const program = run(
        `const log = output.createStderrLog(true)
         ${fill('log')}
         process.stdin.once('data', () => process.exit(5))`,
        pipe,
      )
      // Nothing is read after this.
      await until('the thread has started', takes)
      program.stdin.write('end')
      expect(await once(program, 'exit')).toEqual([null, 'SIGKILL'])
    } finally {
      closeSync(pipe)
      closeSync(reader)
      rmSync(folder, { recursive: true })
    }
  })

  it('starts a thread with the first line', async () => {
    const program = run(
      `import { readdirSync } from 'node:fs'
       const threads = () => readdirSync('/proc/self/task').length
       const before = threads()
       output.createStderrLog(true)
       const lines = output.createStdoutLines(true)
       console.error(threads() - before)
       lines.write('x\\n')
       console.error(threads() - before)`,
    )
    let text = ''
    program.stderr.on('data', (piece: Buffer) => (text += piece.toString()))
    expect((await once(program, 'close'))[0]).toBe(0)
    expect(text).toBe('0\n1\n')
  })

  it('has the warnings of Node in the log alone', async () => {
    const program = run(
      `const log = output.createStderrLog(true)
       output.logWarnings({ warn: ({ err }, text) => log.write(text + ': ' + err.message + '\\n') })
       process.emitWarning('a deprecated call')`,
    )
    let text = ''
    program.stderr.on('data', (piece: Buffer) => (text += piece.toString()))
    expect((await once(program, 'close'))[0]).toBe(0)
    expect(text).toBe('a warning from Node: a deprecated call\n')
  })
})
