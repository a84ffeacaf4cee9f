import { expect, it } from 'vitest'
import { npmCommand, run } from './run.ts'

const node = (script: string, timeoutMs = 10_000) =>
  run(process.execPath, ['-e', script], { timeoutMs })

it('returns exit code and output, also after a failure', async () => {
  const result = await node('console.log("out"); console.error("err"); process.exit(3)')
  expect(result).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n', timedOut: false })
})

it('kills a program that takes too long', async () => {
  const started = Date.now()
  const result = await node('setTimeout(() => {}, 60_000)', 300)
  expect(result).toMatchObject({ code: null, timedOut: true })
  expect(Date.now() - started).toBeLessThan(10_000)
})

it('throws if there is no such program', async () => {
  await expect(run('no-such-program', [], { timeoutMs: 1_000 })).rejects.toThrow('ENOENT')
})

it('uses the npm that runs the script', () => {
  expect(npmCommand({ npm_execpath: '/usr/lib/npm/bin/npm-cli.js' })).toEqual({
    command: process.execPath,
    args: ['/usr/lib/npm/bin/npm-cli.js'],
  })
  expect(npmCommand({ npm_execpath: '/usr/lib/yarn.js' }).command).toBe('npm')
  expect(npmCommand({}).command).toBe('npm')
})
