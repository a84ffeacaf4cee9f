import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createLogFile } from './log-file.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'deployx-log-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('continues where the last start stopped', () => {
  const file = join(folder, 'logs', 'deployx.log')
  createLogFile(file).write('one\n')
  createLogFile(file).write('two\n')
  expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n')
})

it('never uses more than twice its limit', () => {
  const file = join(folder, 'deployx.log')
  const log = createLogFile(file, 1_000)
  for (let n = 0; n < 500; n++) log.write(`line ${n} ${'x'.repeat(90)}\n`)
  expect(statSync(file).size).toBeLessThan(1_200)
  expect(statSync(`${file}.1`).size).toBeLessThan(1_200)
  expect(readFileSync(file, 'utf8')).toContain('line 499')
  expect(existsSync(`${file}.2`)).toBe(false)
})

it('loses lines rather than ending the app if nothing can be written', () => {
  writeFileSync(join(folder, 'logs'), 'a file where the folder should be')
  expect(() => createLogFile(join(folder, 'logs', 'deployx.log')).write('x\n')).not.toThrow()
  mkdirSync(join(folder, 'dir.log'))
  expect(() => createLogFile(join(folder, 'dir.log')).write('x\n')).not.toThrow()
})
