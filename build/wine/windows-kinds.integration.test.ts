/**
 * The single-file agent on Wine: archives with an installer inside, detection rules that are scripts, and
 * upgrades to newer versions. Not covered, because Wine lacks it: PowerShell.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Detection } from '#shared/contract/detection.ts'
import { makeMsi, makeNsis } from './installers.ts'
import { wineObstacle } from './prefix.ts'
import { setWindowsStage, type WindowsStage } from './windows-stage.ts'

const obstacle =
  (await wineObstacle()) ?? (spawnSync('zip', ['--version']).error ? 'zip is missing' : null)
if (obstacle !== null)
  process.stderr.write(`SKIPPED: kinds of installers on Windows are not run here: ${obstacle}\n`)

const guid = (n: number): string => `{5C1D9E0${n}-7A2B-4C3D-8E4F-1A2B3C4D5E6F}`
const UNINSTALL = 'HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall'
const TEST_LIMIT_MS = 300_000

describe.skipIf(obstacle !== null)('the agent for Windows', { timeout: TEST_LIMIT_MS }, () => {
  let stage: WindowsStage
  beforeAll(async () => {
    stage = await setWindowsStage()
    await stage.enrollAgent()
  }, 600_000)
  afterAll(async () => {
    await stage?.close()
  })
  // Wine's server may crash; what a first try had begun is finished after its restart.
  beforeEach(async ({ task }) => {
    if (task.result?.retryCount) await stage.startAgain()
  })

  const install = async (...args: Parameters<WindowsStage['start']>) =>
    stage.untilEnded(await stage.start(...args))
  const entry = (name: string, version: string): Detection => ({
    type: 'uninstall_entry',
    name,
    version,
    operator: 'ge',
  })
  const done = { deployment_status: 'completed', exit_code: 0 }

  /** Moves these files into a new archive. @returns its path */
  function zip(name: string, ...files: string[]): string {
    execFileSync(
      'zip',
      ['-qm', name, ...files.map((file) => path.relative(stage.installers, file))],
      {
        cwd: stage.installers,
      },
    )
    return path.join(stage.installers, name)
  }

  describe('with an archive', () => {
    it('installs the .msi inside and detects it by its rules, and removes it with the same file', async () => {
      const msi = await makeMsi(stage.installers, { name: 'Packed App', productCode: guid(0) })
      const inner = path.join(stage.installers, 'Packed App 1.0', 'x64')
      await fs.mkdir(inner, { recursive: true })
      await fs.rename(msi, path.join(inner, 'packed app.msi'))
      const file = zip('packed.zip', path.join(inner, 'packed app.msi'))
      const at = 'Packed App 1.0/x64/packed app.msi'
      const software = await stage.addSoftware(file, {
        uninstall_entry: at,
        detection: entry('Packed App', '1.2'),
      })
      expect(software.installers[0]).toMatchObject({
        platform: 'windows',
        kind: 'zip',
        archive: { entry: at, uninstall_entry: at },
      })
      expect(await install(software), stage.output().slice(-1_000)).toMatchObject(done)
      expect(stage.windows.read('C:\\Program Files\\PackedApp\\hello.txt')).toContain('Packed App')
      expect(await install(software)).toMatchObject({ reason: 'already_installed' })
      expect(await install(software, { action: 'uninstall' })).toMatchObject(done)
      expect(stage.windows.exists('C:\\Program Files\\PackedApp\\hello.txt')).toBe(false)
    })

    it('runs the program inside with its arguments, and uninstalls it by its registry entry', async () => {
      const exe = await makeNsis(stage.installers, { name: 'Boxed Demo' })
      const software = await stage.addSoftware(zip('boxed.zip', exe), {
        install_args: '/S /D=C:\\Own Place\\X',
        detection: entry('Boxed Demo', '2.5'),
      })
      expect(await install(software)).toMatchObject(done)
      expect(stage.windows.exists('C:\\Own Place\\X\\hello.txt')).toBe(true)
      expect(await install(software, { action: 'uninstall' })).toMatchObject(done)
      expect(stage.windows.exists('C:\\Own Place\\X')).toBe(false)
    })

    it('runs a batch file in its own folder, with the files next to it', async () => {
      const folder = path.join(stage.installers, 'tool 1.0')
      await fs.mkdir(folder)
      const lines = ['@echo off', 'type beside.txt', 'exit /b 3', '']
      await fs.writeFile(path.join(folder, 'install.cmd'), lines.join('\r\n'))
      await fs.writeFile(path.join(folder, 'beside.txt'), 'it lies beside\r\n')
      const names = ['install.cmd', 'beside.txt'].map((name) => path.join(folder, name))
      const ended = await install(await stage.addSoftware(zip('tool.zip', ...names)))
      expect(ended).toMatchObject({ reason: 'install_failed', exit_code: 3 })
      expect(ended.output).toContain('it lies beside')
    })
  })

  it('waits for what a setup left running if the rule does not confirm its success', async () => {
    const file = path.join(stage.installers, 'early.cmd')
    const lines = [
      '@echo off',
      'start /b cmd /c "ping -n 8 127.0.0.1 >nul & echo x>C:\\late.txt"',
      'exit /b 0',
      '',
    ]
    await fs.writeFile(file, lines.join('\r\n'))
    const detection: Detection = { type: 'file', path: 'C:\\late.txt' }
    const ended = await install(await stage.addSoftware(file, { detection }))
    expect(ended).toMatchObject(done)
    expect(ended.output).toContain('Waiting for them')
  })

  it('detects with a batch file, before and after', async () => {
    const file = path.join(stage.installers, 'marks.cmd')
    await fs.writeFile(file, '@echo off\r\necho x>C:\\marked.txt\r\n')
    const detection: Detection = {
      type: 'script',
      interpreter: 'cmd',
      text: '@echo off\nif exist C:\\marked.txt exit 0\nexit 1\n',
    }
    const software = await stage.addSoftware(file, { detection })
    expect(await install(software)).toMatchObject(done)
    expect(await install(software)).toMatchObject({ reason: 'already_installed' })
  })

  describe('with a newer version', () => {
    it('replaces the older version of an .msi package', async ({ task }) => {
      const make = (version: string, n: number) =>
        makeMsi(stage.installers, {
          name: 'Grown App',
          version,
          productCode: guid(n),
          upgrades: guid(9),
        })
      const old = await stage.addSoftware(await make('1.0.0', 1))
      const newer = await stage.addSoftware(await make('1.1.0', 2), {
        detection: entry('Grown App', '1.1.0'),
      })
      if (task.result?.retryCount) await install(old, { action: 'uninstall' })
      expect(await install(old)).toMatchObject(done)
      expect(await install(newer)).toMatchObject(done)
      expect(stage.windows.read('C:\\Program Files\\GrownApp\\hello.txt')).toBe(
        'hello from Grown App 1.1.0\n',
      )
      expect(
        await stage.windows.registryValue(`${UNINSTALL}\\${guid(1)}`, 'DisplayName'),
      ).toBeNull()
      expect(await stage.windows.registryValue(`${UNINSTALL}\\${guid(2)}`, 'DisplayVersion')).toBe(
        '1.1.0',
      )
      expect(await install(newer)).toMatchObject({ reason: 'already_installed' })
      // A rule that accepts "or newer" leaves a newer version alone.
      const aged = await stage.addSoftware(await make('1.0.5', 3), {
        detection: entry('Grown App', '1.0.5'),
      })
      expect(await install(aged)).toMatchObject({ reason: 'already_installed' })
    })

    it('replaces the older version of an NSIS installer', async () => {
      const add = async (version: string) =>
        stage.addSoftware(await makeNsis(stage.installers, { name: 'Over Demo', version }), {
          install_args: '/S',
          detection: entry('Over Demo', version),
        })
      const key = `${UNINSTALL}\\OverDemo`
      expect(await install(await add('1.0.0'))).toMatchObject(done)
      expect(await install(await add('1.1.0'))).toMatchObject(done)
      expect(await stage.windows.registryValue(key, 'DisplayVersion')).toBe('1.1.0')
      expect(await install(await add('1.0.0'))).toMatchObject({ reason: 'already_installed' })
    })
  })
})
