/**
 * The agent's Windows helper alone, on Wine. Not covered, because Wine does not enforce them: access control
 * lists.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { compileWindowsHelper } from '../agent/windows-helper.ts'
import { openWindows, wineObstacle, type Windows } from './prefix.ts'

const HELPER = 'C:\\helper.exe'
const note = (message: string): void => console.error(message)
const obstacle = await wineObstacle()
if (obstacle !== null)
  process.stderr.write(`SKIPPED: the helper for Windows is not run here: ${obstacle}\n`)

describe.skipIf(obstacle !== null)('the helper for Windows', () => {
  let windows: Windows
  beforeAll(async () => {
    windows = await openWindows()
    const missing = await compileWindowsHelper(windows.unixPath(HELPER), note)
    if (missing !== null) throw new Error(missing)
  }, 300_000)
  afterAll(async () => {
    await windows?.close()
  })
  const ask = (...words: string[]) => windows.exec([HELPER, ...words])

  describe('runs a program in a job, and', () => {
    const OUTPUT = 'C:\\job output.txt'
    const output = (): Buffer => readFileSync(windows.unixPath(OUTPUT))
    const MIB = 1024 * 1024

    it('keeps the first and the last part of its output, however that is split', async () => {
      const text = Buffer.from(
        Array.from({ length: 300_000 }, (_, i) => String(i).padStart(9, '0') + '\n').join(''),
      )
      writeFileSync(windows.unixPath('C:\\long.txt'), text)
      const result = await ask('job', 'long', OUTPUT, '--', 'cmd', '/c', 'type', 'C:\\long.txt')
      expect(result).toEqual({ code: 0, output: `${text.length - MIB}\r\n` })
      expect(output().subarray(0, MIB / 2)).toEqual(text.subarray(0, MIB / 2))
      expect(output().subarray(MIB / 2)).toEqual(text.subarray(-MIB / 2))
    })

    it('ends with it, keeps the job for the processes it leaves behind, and reads their output', async () => {
      writeFileSync(
        windows.unixPath('C:\\leaves.cmd'),
        '@echo off\r\necho begun\r\nstart /b cmd /c C:\\stays.cmd\r\nexit /b 7\r\n',
      )
      // More than a pipe holds: without a reader the program would block.
      writeFileSync(
        windows.unixPath('C:\\stays.cmd'),
        '@echo off\r\n:wait\r\nping -n 2 127.0.0.1 >nul\r\nif not exist C:\\go.txt goto wait\r\ntype C:\\long.txt\r\necho done>C:\\went.txt\r\n',
      )
      const file = windows.unixPath(OUTPUT)
      await fs.rm(file, { force: true })
      expect(await ask('busy', 'leaves')).toMatchObject({ code: 2 })
      expect(await ask('job', 'leaves', OUTPUT, '--', 'cmd', '/c', 'C:\\leaves.cmd')).toMatchObject(
        { code: 7 },
      )
      expect(output().toString()).toBe('begun\r\n')
      expect(await ask('busy', 'leaves')).toMatchObject({ code: 0 })
      writeFileSync(windows.unixPath('C:\\go.txt'), '')
      await until('what was left behind', () => Promise.resolve(windows.exists('C:\\went.txt')))
      await until('the end of the job', async () => (await ask('busy', 'leaves')).code === 2)
      expect(output().toString()).toBe('begun\r\n')
    })

    it('kills left-behind processes on request', async () => {
      await fs.rm(windows.unixPath('C:\\go.txt'), { force: true })
      await ask('job', 'leaves', OUTPUT, '--', 'cmd', '/c', 'C:\\leaves.cmd')
      expect(await ask('kill', 'leaves')).toMatchObject({ code: 0 })
      expect(await ask('busy', 'leaves')).toMatchObject({ code: 2 })
    })

    it('reports a program that it could not start', async () => {
      // Linux sees the code modulo 256: 2, file not found.
      expect(await ask('job', 'none', OUTPUT, '--', 'C:\\none.exe')).toMatchObject({ code: 2 })
    })
  })

  it('opens a folder for reading', async () => {
    await fs.mkdir(windows.unixPath('C:\\open'))
    expect(await ask('public', 'C:\\open')).toMatchObject({ code: 0 })
    expect(await ask('public', 'C:\\none')).toMatchObject({ code: 3 })
  })

  it('reports power and network', async () => {
    const power = await ask('power')
    expect(power.code).toBe(0)
    expect(power.output).toMatch(/^(ac|battery|unknown)\r?\n$/)
    const metered = await ask('metered')
    expect(metered.code).toBe(0)
    expect(metered.output).toMatch(/^(metered|unmetered|unknown)\r?\n$/)
  })
})
