/** Every script of package.json that takes options prints its help and does nothing else, and refuses unknown options. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from './project.ts'

const { scripts } = JSON.parse(readFileSync(path.join(projectRoot, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
/** Name and file of each script that runs a file of the project. */
const own = Object.entries(scripts).flatMap(([name, line]): [string, string][] => {
  const file = /^node (\S+\.[jt]s)$/.exec(line)?.[1]
  return file === undefined ? [] : [[name, file]]
})
type Ended = { status: number | null; stdout: string; stderr: string }
const run = (file: string, word: string): Promise<Ended> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(projectRoot, file), word],
      (_error, stdout, stderr) => resolve({ status: child.exitCode, stdout, stderr }),
    )
  })

describe.concurrent('the scripts of package.json', () => {
  it('are found here', () => expect(own.length).toBeGreaterThan(10))

  it.each(own)('%s prints its help', async (_name, file) => {
    const { status, stdout } = await run(file, '--help')
    expect(stdout).toMatch(/^Usage: /m)
    expect(status).toBe(0)
  })

  // Playwright reads the options of e2e.
  it.each(own.filter(([name]) => name !== 'e2e'))(
    '%s refuses an unknown option',
    async (_name, file) => {
      const { status, stderr } = await run(file, '--no-such-option')
      expect(stderr).toContain('--no-such-option')
      expect(status).toBe(2)
    },
  )
})
