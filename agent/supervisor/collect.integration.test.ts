/** The pipes of a real program, read without a named pipe and without the Windows helper. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { openBoundedOutput } from './bounded-output.ts'
import { createCollector } from './collect.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => {
  folder = makeFolder()
})
afterEach(() => folder.remove())

describe('the output that a program writes to two pipes', () => {
  const start = (script: string) => {
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'pipe'] })
    const file = join(folder.path, 'output.log')
    const collector = createCollector([child.stdout, child.stderr], openBoundedOutput(file, 500))
    return { child, collector, text: () => readFileSync(file, 'latin1') }
  }

  it('is kept up to the limit, with its first and last part', async () => {
    const { child, collector, text } = start(
      `process.stdout.write('H'.repeat(500) + 'm'.repeat(100000) + 'T'.repeat(500))`,
    )
    await once(child, 'exit')
    expect(await collector.finish()).toBe(100_000)
    await collector.closed
    expect(text()).toBe('H'.repeat(500) + 'T'.repeat(500))
  })

  it('is read from both, and ends with the program although another process keeps them open', async () => {
    const go = join(folder.path, 'go')
    const stays = `setInterval(() => { if (require('fs').existsSync(${JSON.stringify(go)})) { console.log('late'); process.exit() } }, 50)`
    const { child, collector, text } = start(
      `console.log('out'); console.error('err');
       require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stays)}], { stdio: 'inherit', detached: true }).unref(); process.exit(3)`,
    )
    expect((await once(child, 'exit')) as unknown[]).toEqual([3, null])
    expect(await collector.finish()).toBe(0)
    expect(collector.isClosed()).toBe(false)
    expect(text().split('\n').sort().join(' ').trim()).toBe('err out')
    // It is read for as long as it writes, and all of that is discarded.
    writeFileSync(go, '')
    await collector.closed
    expect(text()).not.toContain('late')
  })
})
