/** A log that nobody reads must not stop its program. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'

let child: ChildProcess | null = null
afterEach(() => void child?.kill('SIGKILL'))

describe.skipIf(!process.features.typescript || process.platform !== 'linux')('a log', () => {
  it('to a pipe that nobody reads does not block its program', async () => {
    const lines = 20_000
    const script = `
        import { createStderrLog } from ${JSON.stringify(join(import.meta.dirname, 'stderr-log.ts'))}
        const log = createStderrLog()
        for (let n = 0; n < ${lines}; n++) log.write('x'.repeat(100) + '\\n')
        process.stdout.write('went on')
        process.stdin.resume()`
    const program = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    child = program
    const [output] = (await once(program.stdout, 'data')) as [Buffer]
    expect(output.toString()).toBe('went on')
    let text = ''
    program.stderr.on('data', (piece: Buffer) => (text += piece.toString()))
    await expect.poll(() => text).toMatch(/"dropped":\d+/)
    const written = text.split('\n').filter((line) => line.startsWith('xxx'))
    const [, dropped] = /"dropped":(\d+)/.exec(text)!
    expect(written.length + Number(dropped)).toBe(lines)
    expect(new Set(written.map((line) => line.length))).toEqual(new Set([100]))
    program.stdin.end()
    await once(program, 'exit')
  })
})
