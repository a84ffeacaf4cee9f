import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFolder } from '../test-kit/agent-process.ts'
import { rotatingFile } from './log.ts'

let folder: ReturnType<typeof makeFolder>
beforeEach(() => (folder = makeFolder()))
afterEach(() => folder.remove())

it('keeps a log in three files of limited size, the newest lines in the first', () => {
  const file = join(folder.path, 'agent.log')
  const log = rotatingFile(file, 100)
  for (let i = 0; i < 50; i++) log.write(`line ${String(i).padStart(3, '0')}\n`)
  expect(readdirSync(folder.path).sort()).toEqual(['agent.log', 'agent.log.1', 'agent.log.2'])
  const texts = ['agent.log.2', 'agent.log.1', 'agent.log'].map((name) =>
    readFileSync(join(folder.path, name), 'utf8'),
  )
  for (const text of texts) expect(text.length).toBeLessThanOrEqual(100)
  const lines = texts.join('').trimEnd().split('\n')
  expect(lines.at(-1)).toBe('line 049')
  expect(lines).toEqual([...lines].sort())
})

it('continues the file of an earlier start, and survives an unwritable place', () => {
  const file = join(folder.path, 'agent.log')
  rotatingFile(file, 100).write('first\n')
  rotatingFile(file, 100).write('second\n')
  expect(readFileSync(file, 'utf8')).toBe('first\nsecond\n')
  expect(() => rotatingFile(join(folder.path, 'no', 'such'), 100).write('x')).not.toThrow()
})
