/** The rule `file` with real files. Versions of Windows programs: build/wine. */
import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { detectFile } from './file.ts'

let work: ReturnType<typeof makeFolder>
beforeEach(() => {
  work = makeFolder()
  mkdirSync(join(work.path, 'opt'))
  writeFileSync(join(work.path, 'opt', 'tool'), 'the tool\n')
})
afterEach(() => work.remove())

const sha256 = createHash('sha256').update('the tool\n').digest('hex')

it.each([
  ['that exists', { path: '/opt/tool' }, 'present'],
  ['that does not exist', { path: '/opt/other' }, 'absent'],
  ['below a file', { path: '/opt/tool/x' }, 'absent'],
  ['that is a folder', { path: '/opt' }, 'present'],
  ['with the right content', { path: '/opt/tool', sha256 }, 'present'],
  ['with other content', { path: '/opt/tool', sha256: '0'.repeat(64) }, 'absent'],
  ['that is a folder where a hash is given', { path: '/opt', sha256 }, 'absent'],
  ['that has no version', { path: '/opt/tool', version: '1.0' }, 'unknown'],
  ['with a path that is not absolute', { path: 'opt/tool' }, 'unknown'],
  ['with a path of another platform', { path: 'C:\\opt\\tool' }, 'unknown'],
] as const)('a file %s', async (_name, rule, presence) => {
  expect(await detectFile(rule, work.path)).toBe(presence)
})

it('is unknown where the agent has no access', async () => {
  symlinkSync('loop', join(work.path, 'loop'))
  expect(await detectFile({ path: '/loop/x' }, work.path)).toBe('unknown')
})
