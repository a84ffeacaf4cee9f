/**
 * The released single-file agent on Wine: enrolled with a real controller, it installs and removes real .msi
 * packages and NSIS installers. Not covered, because Wine lacks them: access control lists, PowerShell, a
 * restart.
 */
import { readdirSync, readFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Detection } from '#shared/contract/detection.ts'
import { until } from '#shared/test-kit/until.ts'
import { dependentLoadFlagsAt } from '../agent/windows-executable.ts'
import { makeMsi, makeNsis } from './installers.ts'
import { wineObstacle } from './prefix.ts'
import { setWindowsStage, type WindowsStage } from './windows-stage.ts'

const obstacle = await wineObstacle()
if (obstacle !== null)
  process.stderr.write(`SKIPPED: the agent for Windows is not run here: ${obstacle}\n`)

const guid = (n: number): string => `{8F2B7C1${n}-3D4E-4A5B-9C6D-7E8F90A1B2C3}`
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

  beforeEach(async ({ task }) => {
    if ((task.result?.retryCount ?? 0) > 0) await stage.startAgain()
  })

  const install = async (...args: Parameters<WindowsStage['start']>) =>
    stage.untilEnded(await stage.start(...args))

  it('enrols with a code and reports its version', async () => {
    expect(await stage.device()).toMatchObject({
      name: 'OFFICE-7',
      platform: 'windows',
      arch: 'x64',
      online: true,
    })
  })

  it('stores its helper beside itself', () => {
    const names = readdirSync(stage.windows.unixPath('C:\\Program Files\\Agent'))
    expect(names.filter((name) => /^deployx-helper-[0-9a-f]{12}\.exe$/.test(name))).toHaveLength(1)
  })

  it('loads its libraries from System32 only', () => {
    const bytes = readFileSync(stage.windows.unixPath(stage.agentPath))
    expect(bytes.readUInt16LE(dependentLoadFlagsAt(bytes))).toBe(0x800)
  })

  describe('with an .msi package', () => {
    it('installs it, skips it the second time, and removes it by its product code', async ({
      task,
    }) => {
      const file = await makeMsi(stage.installers, { name: 'Demo App', productCode: guid(0) })
      const software = await stage.addSoftware(file)
      expect(software).toMatchObject({
        name: 'Demo App',
        version: '1.2.3',
        publisher: 'Ann Onym GmbH',
        installers: [{ arch: 'x64', detection: { product_code: guid(0) } }],
      })
      // Wine's server may crash; what the first try had begun is finished after its restart.
      if (task.result?.retryCount) await install(software, { action: 'uninstall' })
      const first = await install(software)
      expect(first, stage.output()).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
      expect(stage.windows.read('C:\\Program Files\\DemoApp\\hello.txt')).toBe(
        'hello from Demo App\n',
      )
      const key = `${UNINSTALL}\\${guid(0)}`
      expect(await stage.windows.registryValue(key, 'DisplayVersion')).toBe('1.2.3')

      expect(await install(software)).toMatchObject({
        deployment_status: 'skipped',
        reason: 'already_installed',
      })

      const removed = await install(software, { action: 'uninstall' })
      expect(removed).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
      expect(stage.windows.exists('C:\\Program Files\\DemoApp\\hello.txt')).toBe(false)
      expect(await stage.windows.registryValue(key, 'DisplayName')).toBeNull()

      expect(await install(software, { action: 'uninstall' })).toMatchObject({
        deployment_status: 'skipped',
        reason: 'already_installed',
      })
    })

    it('reports which step failed, from its verbose log', async () => {
      const file = await makeMsi(stage.installers, {
        name: 'Fail App',
        productCode: guid(1),
        behaviour: 'fail',
      })
      const failed = await install(await stage.addSoftware(file))
      expect(failed).toMatchObject({ deployment_status: 'failed', reason: 'install_failed' })
      // Windows itself reports 1603.
      expect([1603, 1627]).toContain(failed.exit_code)
      expect(failed.output).toMatch(/^\[deployx\] Windows Installer: .*CAct.*Return value [03]/m)
      expect(failed.error_details).toContain('CAct')
      expect(stage.windows.exists('C:\\Program Files\\FailApp\\hello.txt')).toBe(false)
    })

    it('reports that it needs a restart (3010)', async () => {
      const file = await makeMsi(stage.installers, {
        name: 'Reboot App',
        productCode: guid(2),
        behaviour: 'reboot',
      })
      expect(await install(await stage.addSoftware(file))).toMatchObject({
        deployment_status: 'completed',
        reason: 'reboot_pending',
        exit_code: 3010,
      })
    })

    it('kills the installer with all its child processes if it never ends', async () => {
      const file = await makeMsi(stage.installers, {
        name: 'Wait App',
        productCode: guid(3),
        behaviour: 'wait',
      })
      const id = await stage.start(await stage.addSoftware(file), { timeout_seconds: 5 })
      const ended = await stage.untilEnded(id)
      expect(ended).toMatchObject({ deployment_status: 'failed', reason: 'timeout' })
      expect(await stage.windows.isRunning('-n 600')).toBe(false)
      expect(await stage.windows.isRunning('wait-app.msi')).toBe(false)
    })

    it('finds a 32-bit package in the 32-bit registry view', async () => {
      const file = await makeMsi(stage.installers, {
        name: 'Old App',
        productCode: guid(4),
        win32: true,
      })
      const rule: Detection = {
        type: 'uninstall_entry',
        name: 'old app',
        version: '1.2',
        operator: 'ge',
      }
      const software = await stage.addSoftware(file, { detection: rule })
      expect(await install(software)).toMatchObject({ deployment_status: 'completed' })
      expect(await install(software)).toMatchObject({ deployment_status: 'skipped' })
      const removed = await install(software, { action: 'uninstall' })
      expect(removed).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    })

    it('cannot install a damaged one, because the library refuses it', async () => {
      const file = `${stage.installers}/broken.msi`
      await fs.writeFile(
        file,
        Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.alloc(4096)]),
      )
      await expect(stage.addSoftware(file)).rejects.toThrow('E_PACKAGE_UNREADABLE')
    })
  })

  describe('with an NSIS installer', () => {
    const entry = (name: string, version: string): Detection => ({
      type: 'uninstall_entry',
      name,
      version,
      operator: 'ge',
    })

    it('installs it silently, verifies it, and removes it, including its uninstaller', async () => {
      const file = await makeNsis(stage.installers, { name: 'Nsis Demo' })
      const detection = entry('Nsis Demo', '2.5')
      const software = await stage.addSoftware(file, { install_args: '/S', detection })
      expect(await install(software)).toMatchObject({
        deployment_status: 'completed',
        exit_code: 0,
      })
      expect(stage.windows.exists('C:\\Program Files\\NsisDemo\\hello.txt')).toBe(true)
      const key = `${UNINSTALL}\\NsisDemo`
      expect(await stage.windows.registryValue(key, 'DisplayVersion')).toBe('2.5.0')
      expect(await install(software)).toMatchObject({ deployment_status: 'skipped' })
      // Its uninstaller exits immediately and continues as a copy of itself.
      expect(await install(software, { action: 'uninstall' })).toMatchObject({
        deployment_status: 'completed',
        exit_code: 0,
      })
      expect(stage.windows.exists('C:\\Program Files\\NsisDemo')).toBe(false)
      expect(await stage.windows.registryValue(key, 'DisplayName')).toBeNull()
    })

    it('passes /D= with a space as the last argument, unquoted', async () => {
      const file = await makeNsis(stage.installers, { name: 'Placed Demo' })
      const software = await stage.addSoftware(file, { install_args: '/S /D=C:\\Other Place\\X' })
      expect(await install(software)).toMatchObject({ deployment_status: 'completed' })
      expect(stage.windows.exists('C:\\Other Place\\X\\hello.txt')).toBe(true)
    })

    it('fails if the installer reports success but the rule finds an older version', async () => {
      const file = await makeNsis(stage.installers, { name: 'Aged Demo', version: '1.0.0' })
      const detection = entry('Aged Demo', '1.1')
      expect(
        await install(await stage.addSoftware(file, { install_args: '/S', detection })),
      ).toMatchObject({ deployment_status: 'failed', reason: 'not_detected', exit_code: 0 })
    })

    it('checks the version and the hash of a file', async () => {
      const file = await makeNsis(stage.installers, { name: 'File Demo' })
      const path = '%ProgramFiles%\\FileDemo\\hello.txt'
      const detection: Detection = { type: 'file', path, sha256: '0'.repeat(64) }
      const software = await stage.addSoftware(file, { install_args: '/S', detection })
      expect(await install(software)).toMatchObject({ reason: 'not_detected' })
      const tool: Detection = { type: 'file', path: stage.agentPath, version: '0.1' }
      const there = await stage.addSoftware(
        await makeNsis(stage.installers, { name: 'Same Demo' }),
        {
          install_args: '/S',
          detection: tool,
        },
      )
      expect(await install(there)).toMatchObject({ deployment_status: 'skipped' })
    })

    it.each([
      [3010, { deployment_status: 'completed', reason: 'reboot_pending', exit_code: 3010 }],
      [5, { deployment_status: 'failed', reason: 'install_failed', exit_code: 5 }],
    ])('interprets exit code %i', async (exitCode, expected) => {
      const file = await makeNsis(stage.installers, { name: `Code ${exitCode}`, exitCode })
      // Without the rule that the file suggests, so that only the exit code decides.
      const software = await stage.addSoftware(file, { install_args: '/S', detection: null })
      expect(await install(software)).toMatchObject(expected)
    })

    it('kills an installer that hangs, with all its children, even one that left its process tree', async () => {
      const file = await makeNsis(stage.installers, { name: 'Hang Demo', hangs: true })
      const software = await stage.addSoftware(file, { install_args: '/S' })
      // Longer than Wine needs to start both processes.
      const id = await stage.start(software, { timeout_seconds: 20 })
      const isHanging = async () =>
        (await stage.windows.isRunning('-n 602')) && (await stage.windows.isRunning('-n 601'))
      await until('the installer to hang', isHanging)
      expect(await stage.untilEnded(id)).toMatchObject({
        deployment_status: 'failed',
        reason: 'timeout',
      })
      expect(await stage.windows.isRunning('-n 601')).toBe(false)
      expect(await stage.windows.isRunning('-n 602')).toBe(false)
    })
  })

  describe('with a batch file', () => {
    const batch = async (name: string, text: string | Buffer) => {
      const file = `${stage.installers}/${name}.cmd`
      await fs.writeFile(file, text)
      return stage.addSoftware(file, { install_args: 'one "two words"' })
    }

    it('runs it with its arguments and shows its output', async () => {
      const software = await batch('plain', '@echo off\r\necho [%~1] [%~2]\r\nexit /b 0\r\n')
      const ended = await install(software)
      expect(ended).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
      expect(ended.output).toContain('[one] [two words]')
    })

    it("decodes output in the console's code page", async () => {
      // 0x81 is ü in code page 437, which Wine uses.
      const text = Buffer.from('@echo off\r\necho f\x81r\r\n', 'latin1')
      expect((await install(await batch('oem', text))).output).toContain('für')
    })
  })

  describe('its inventory', () => {
    /** The agent rescans a few seconds after an attempt. */
    const lists = (name: string, is = true) =>
      until(`the inventory with${is ? '' : 'out'} ${name}`, async () => {
        const inventory = await stage.inventory()
        return inventory.software?.some((entry) => entry.name === name) === is && inventory
      }).catch(async (error: unknown) => {
        const { software } = await stage.inventory()
        throw new Error(
          `${String(error)}\n${JSON.stringify(software)}\n${stage.output().slice(-1500)}`,
        )
      })

    it('lists installed programs from both registry views until they are removed', async () => {
      const msi = await makeMsi(stage.installers, { name: 'Listed App', productCode: guid(5) })
      const software = await stage.addSoftware(msi)
      expect(await install(software)).toMatchObject({ deployment_status: 'completed' })
      const old = await makeMsi(stage.installers, {
        name: 'Listed Old App',
        version: '4.5.6',
        productCode: guid(6),
        win32: true,
      })
      expect(await install(await stage.addSoftware(old))).toMatchObject({
        deployment_status: 'completed',
      })
      const nsis = await makeNsis(stage.installers, { name: 'Listed Demo', version: '7.8.9' })
      const demo = await stage.addSoftware(nsis, { install_args: '/S' })
      expect(await install(demo)).toMatchObject({ deployment_status: 'completed' })

      const { software: listed } = await lists('Listed Demo')
      const of = (name: string) => listed!.filter((entry) => entry.name === name)
      expect(of('Listed App')).toMatchObject([
        { key: `64:${guid(5)}`, version: '1.2.3', publisher: 'Ann Onym GmbH', source: 'registry' },
      ])
      expect(of('Listed Old App')).toMatchObject([{ key: `32:${guid(6)}`, version: '4.5.6' }])
      expect(of('Listed Demo')).toMatchObject([{ version: '7.8.9', publisher: 'Ann Onym GmbH' }])

      expect(await install(software, { action: 'uninstall' })).toMatchObject({
        deployment_status: 'completed',
      })
      await lists('Listed App', false)
    })

    it('reports the system, its drive, its addresses and its processor', async () => {
      const { os, disks, network, hardware, reboot } = await stage.inventory()
      expect(os).toMatchObject({ name: expect.stringContaining('Windows') as string, arch: 'x64' })
      expect(os!.build).toMatch(/^\d+/)
      expect(disks!.map((disk) => disk.mount)).toContain('C:\\')
      expect(disks![0]!.size_bytes).toBeGreaterThan(disks![0]!.free_bytes)
      expect(network!.length).toBeGreaterThan(0)
      expect(hardware!.processors).toBeGreaterThan(0)
      expect(reboot).not.toBeNull()
      expect(await stage.device()).toMatchObject({ reboot_pending: reboot!.pending })
    })
  })

  it('resumes an installer after a crash of the agent, and runs it once', async () => {
    const file = `${stage.installers}/slow.cmd`
    await fs.writeFile(
      file,
      '@echo off\r\necho run>>C:\\runs.txt\r\nping -n 12 127.0.0.1 >nul\r\necho slept\r\nexit /b 0\r\n',
    )
    const id = await stage.start(await stage.addSoftware(file))
    await until('the installer to run', async () => stage.windows.exists('C:\\runs.txt'))
    await stage.killAgent()
    stage.startAgent()
    const ended = await stage.untilEnded(id)
    expect(ended, stage.output()).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    expect(ended.output).toContain('slept')
    expect(stage.windows.read('C:\\runs.txt').trim().split(/\r?\n/)).toHaveLength(1)
  })

  describe('as a service', () => {
    const PLACE = 'C:\\Program Files\\DeployX Agent\\deployx-agent.exe'
    const command = (...words: string[]) => stage.windows.exec([stage.agentPath, ...words], 90_000)
    const LOG = 'C:\\ProgramData\\DeployX\\agent\\agent.log'
    const connections = () =>
      stage.windows.exists(LOG) ? stage.windows.read(LOG).split('"connected"').length - 1 : 0

    it('is not installed from Downloads, and no file is written there', async () => {
      const folder = 'C:\\users\\public\\Downloads'
      await fs.mkdir(stage.windows.unixPath(folder), { recursive: true })
      await fs.copyFile(
        stage.windows.unixPath(stage.agentPath),
        stage.windows.unixPath(`${folder}\\deployx-agent.exe`),
      )
      const refused = await stage.windows.exec([`${folder}\\deployx-agent.exe`, 'install-service'])
      expect(refused.output).toContain(`not installed as a service from ${folder}`)
      expect(refused.output).toContain('new folder in C:\\Program Files')
      expect(refused.code).toBe(1)
      expect(readdirSync(stage.windows.unixPath(folder))).toEqual(['deployx-agent.exe'])
    })

    it('is installed, enrolled and started, and restarts after it is killed', async () => {
      await stage.killAgent()
      // Wine shuts down when only services are left, so start another program, as if somebody were signed in.
      stage.windows.start(['ping', '-n', '900', '127.0.0.1'])
      const long = await command('install-service', '--name', 'X'.repeat(300))
      expect(long.output).toContain('longer than 255 characters')
      const made = await command('install-service')
      expect(made.output).toContain('The service DeployXAgent runs')
      expect(made.code).toBe(0)
      // The agent before it counts as online for a while.
      await until('the service to connect', async () => connections() > 0)
      expect(stage.windows.exists(PLACE)).toBe(true)
      const before = connections()
      expect(await stage.windows.kill('DeployX Agent\\deployx-agent.exe run')).toBe(1)
      await until('the service to bring the agent back', async () => connections() > before)
      await stage.untilOnline()
      const file = await makeNsis(stage.installers, { name: 'Served Demo' })
      const software = await stage.addSoftware(file, { install_args: '/S' })
      expect(await install(software)).toMatchObject({ deployment_status: 'completed' })
    })

    it('is updated by installing it again, and can be removed', async () => {
      expect((await command('install-service')).code).toBe(0)
      await stage.untilOnline()
      const words = 'DeployX Agent\\deployx-agent.exe run'
      expect(await stage.windows.isRunning(words)).toBe(true)
      const removed = await command('uninstall-service')
      expect(removed.output).toContain('The service DeployXAgent was removed.')
      expect(await stage.windows.isRunning(words)).toBe(false)
      expect(stage.windows.exists(PLACE)).toBe(false)
      expect(stage.windows.exists('C:\\ProgramData\\DeployX\\agent\\identity.json')).toBe(true)
    })
  })
})
