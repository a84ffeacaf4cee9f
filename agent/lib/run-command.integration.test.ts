/** Short commands of the agent, run for their output. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { runCommand } from './run-command.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

describe.skipIf(process.platform === 'win32')('a command', () => {
  it('returns its exit code and what it wrote', async () => {
    expect(await runCommand('/bin/sh', ['-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
      missing: false,
    })
  })

  it('that does not exist is missing', async () => {
    expect(await runCommand(join(folder.path, 'none'), [])).toMatchObject({
      code: null,
      missing: true,
    })
  })

  it('that exists and cannot be run is not missing', async () => {
    const file = join(folder.path, 'data')
    writeFileSync(file, 'no program')
    chmodSync(file, 0o600)
    expect(await runCommand(file, [])).toMatchObject({ code: null, missing: false })
  })

  it('that takes too long is killed', async () => {
    expect(await runCommand('/bin/sleep', ['600'], 100)).toMatchObject({ code: null, stdout: '' })
  })

  it('that leaves a process behind with its output open is given up after its time', async () => {
    expect(await runCommand('/bin/sh', ['-c', 'sleep 600 & echo out'], 300)).toMatchObject({
      code: null,
      stdout: 'out\n',
    })
  })

  it('that writes too much is killed, and only what fits is kept', async () => {
    const { code, stdout } = await runCommand('/usr/bin/yes', [], undefined, {
      limitBytes: 200_000,
    })
    expect(code).toBeNull()
    expect(stdout.length).toBeLessThanOrEqual(200_000)
  })

  it('has nothing to read', async () => {
    expect(await runCommand('/bin/sh', ['-c', 'readlink /proc/self/fd/0; cat'])).toMatchObject({
      code: 0,
      stdout: process.platform === 'linux' ? '/dev/null\n' : '',
    })
  })

  it('does not make a bash that it starts read ~/.bashrc', async () => {
    writeFileSync(join(folder.path, '.bashrc'), 'echo from the start script')
    const env = { HOME: folder.path }
    expect(
      await runCommand('/bin/sh', ['-c', "bash -c 'echo ~'"], undefined, { env }),
    ).toMatchObject({ code: 0, stdout: `${folder.path}\n` })
  })
})
