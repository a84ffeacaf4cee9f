import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createHelp } from './help.ts'

let appRoot: string
let folder: string
beforeEach(() => {
  appRoot = mkdtempSync(join(tmpdir(), 'deployx-help-'))
  folder = join(appRoot, 'shown')
})
afterEach(() => rmSync(appRoot, { recursive: true, force: true }))

it('opens a copy that other programs can read', async () => {
  mkdirSync(join(appRoot, 'docs', 'guides'), { recursive: true })
  writeFileSync(join(appRoot, 'docs', 'guides', 'first-deployment.md'), '# Guide')
  const openPath = vi.fn(() => Promise.resolve(''))
  const help = createHelp({ appRoot, folder, openPath })
  expect(help.topics).toEqual(['guide'])
  expect(await help.open('guide')).toBe(true)
  const file = join(folder, 'DeployX guide.txt')
  expect(openPath).toHaveBeenCalledWith(file)
  expect(readFileSync(file, 'utf8')).toBe('# Guide')
})

it('reports a missing page or a missing program for it', async () => {
  const openPath = vi.fn(() => Promise.resolve('no program'))
  const help = createHelp({ appRoot, folder, openPath })
  expect(await help.open('licence')).toBe(false)
  expect(openPath).not.toHaveBeenCalled()
  writeFileSync(join(appRoot, 'LICENSE'), 'MIT')
  expect(await help.open('licence')).toBe(false)
  expect(openPath).toHaveBeenCalledOnce()
})
