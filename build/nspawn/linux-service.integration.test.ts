/**
 * The single-file agent for Linux as a service of a PC that has nothing but its Debian: the line that the console shows is typed
 * into its shell, and systemd, dpkg and the PC's restart are the real ones. A PC shares the network of this computer.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildDeb } from '../../agent/test-kit/deb.ts'
import { until } from '../agent/one-pc-office.ts'
import { nspawnObstacle } from './debian-pc.ts'
import { layout, setServiceStage, UNIT, type ServiceStage } from './service-stage.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent here is for x64'
if (obstacle !== null)
  process.stderr.write(
    `SKIPPED: the agent as a service under systemd is not run here: ${obstacle}\n`,
  )

const LIMIT_MS = 120_000
const COMES_BACK_MS = 30_000

describe.skipIf(obstacle !== null)('the agent under systemd', { timeout: LIMIT_MS }, () => {
  let stage: ServiceStage
  beforeAll(async () => {
    stage = await setServiceStage('OFFICE-5')
  }, 300_000)
  afterAll(async () => {
    await stage?.close()
  })

  const isActive = async (): Promise<string> =>
    (await stage.pc.exec(['systemctl', 'is-active', UNIT])).stdout.trim()
  /** Process id of the agent, as the PC numbers it; 0 when it does not run. */
  const mainPid = async (): Promise<number> =>
    Number(
      (await stage.pc.exec(['systemctl', 'show', '--property=MainPID', '--value', UNIT])).stdout,
    )
  const deviceId = (): number =>
    (JSON.parse(readFileSync(stage.pc.file(`${layout.state}/identity.json`), 'utf8')) as Identity)
      .enrollment.device_id
  type Identity = { enrollment: { device_id: number } }

  /** A script that notes each of its runs, and ends when the file `name`.go appears. */
  async function addSlowScript(name: string) {
    const file = path.join(stage.folder, `${name}.sh`)
    const waits = `for i in $(seq 600); do [ -e /root/${name}.go ] && break; sleep 0.1; done`
    const lines = [
      '#!/bin/sh',
      `echo run >> /root/${name}.runs`,
      'echo before',
      waits,
      'echo after',
    ]
    writeFileSync(file, [...lines, ''].join('\n'))
    return stage.addSoftware(file)
  }
  const runsOf = (name: string): string => {
    const file = stage.pc.file(`/root/${name}.runs`)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  it('is not installed by a mistyped code, nor by a file with another hash', async () => {
    const line = await stage.linuxLine()
    const mistyped = await stage.pc.sh(line.replace(/DX1\.(.)/, (_, c: string) => `DX1.${c === 'A' ? 'B' : 'A'}`)) // prettier-ignore
    expect(mistyped.code).not.toBe(0)
    expect(mistyped.stderr).toMatch(/code/)
    const other = await stage.pc.sh(line.replace(/h=[0-9a-f]{64}/, `h=${'0'.repeat(64)}`))
    expect(other.code).not.toBe(0)
    for (const name of [layout.folder, layout.descriptionFile])
      expect(existsSync(stage.pc.file(name))).toBe(false)
  })

  it('comes with the line of Add devices onto a PC without curl, sudo and Node', async () => {
    const bare = await stage.pc.sh('command -v curl sudo node || echo none')
    expect(bare.stdout).toBe('none\n')
    const stdout = await stage.installService()
    expect(stdout).toContain('deployx-agent: OK\n')
    expect(stdout).toContain(`The service ${layout.service} runs ${layout.executable}.\n`)
    expect(await stage.device()).toMatchObject({
      name: 'OFFICE-5',
      platform: 'linux',
      arch: 'x64',
    })
    expect(await isActive()).toBe('active')
    expect((await stage.pc.exec(['systemctl', 'is-enabled', UNIT])).stdout).toBe('enabled\n')
    const modes = await stage.pc.exec(['stat', '-c', '%U %a', layout.state, layout.executable])
    expect(modes.stdout).toBe('root 700\nroot 755\n')
  })

  it('installs a .deb package, skips it the second time and removes it', async () => {
    const file = path.join(stage.folder, 'tool.deb')
    writeFileSync(file, buildDeb(stage.folder, { name: 'deployx-tool', version: '1.2' }))
    const software = await stage.addSoftware(file)
    const first = await stage.ended(await stage.start(software))
    expect(first, await stage.journal()).toMatchObject({
      deployment_status: 'completed',
      exit_code: 0,
    })
    expect((await stage.pc.exec(['dpkg', '-s', 'deployx-tool'])).stdout).toContain('Version: 1.2\n')
    expect(await stage.ended(await stage.start(software))).toMatchObject({
      deployment_status: 'skipped',
      reason: 'already_installed',
    })
    const removed = await stage.ended(await stage.start(software, { action: 'uninstall' }))
    expect(removed).toMatchObject({ deployment_status: 'completed' })
    expect((await stage.pc.exec(['dpkg', '-s', 'deployx-tool'])).code).toBe(1)
  })

  it('says of a .deb package with an unmet dependency what is missing, and leaves dpkg in order', async () => {
    const name = 'deployx-lonely'
    const file = path.join(stage.folder, `${name}.deb`)
    writeFileSync(file, buildDeb(stage.folder, { name, depends: 'deployx-nowhere' }))
    const failed = await stage.ended(await stage.start(await stage.addSoftware(file)))
    expect(failed).toMatchObject({ deployment_status: 'failed', reason: 'install_failed' })
    expect(failed.output).toContain('deployx-nowhere')
    expect((await stage.pc.exec(['dpkg', '--audit'])).stdout).toBe('')
  })

  it('takes a running installer up again after it was killed', async () => {
    const id = await stage.start(await addSlowScript('kill'))
    await until('the script to run', async () => runsOf('kill') !== '', COMES_BACK_MS)
    const before = await mainPid()
    expect((await stage.pc.sh(`kill -KILL ${before}`)).code).toBe(0)
    const isBack = async () => ![0, before].includes(await mainPid())
    await until('systemd to start it again', isBack, COMES_BACK_MS)
    await stage.untilOnline()
    writeFileSync(stage.pc.file('/root/kill.go'), '')
    const ended = await stage.ended(id)
    expect(ended, await stage.journal()).toMatchObject({
      deployment_status: 'completed',
      exit_code: 0,
    })
    expect(ended.output).toBe('before\nafter\n')
    expect(runsOf('kill')).toBe('run\n')
  })

  it('leaves a running installer alone while it is updated, and keeps its identity', async () => {
    const [device, before] = [deviceId(), await mainPid()]
    const id = await stage.start(await addSlowScript('update'))
    await until('the script to run', async () => runsOf('update') !== '', COMES_BACK_MS)
    // The line leaves no file behind: here somebody brought one.
    await stage.pc.sh(`cp ${layout.executable} /root/brought-agent`)
    const again = await stage.pc.sh('/root/brought-agent install-service')
    expect(again, again.stderr).toMatchObject({ code: 0 })
    expect(await mainPid()).not.toBe(before)
    await stage.untilOnline()
    writeFileSync(stage.pc.file('/root/update.go'), '')
    expect(await stage.ended(id), await stage.journal()).toMatchObject({
      deployment_status: 'completed',
    })
    expect(runsOf('update')).toBe('run\n')
    expect(deviceId()).toBe(device)
  })

  it('comes back with the PC after a restart', async () => {
    const device = deviceId()
    await stage.pc.reboot()
    await stage.untilOnline()
    expect(await isActive()).toBe('active')
    expect(deviceId()).toBe(device)
  })

  it('does not run an installer twice that a power cut ended', async () => {
    const id = await stage.start(await addSlowScript('power'))
    await until('the script to run', async () => runsOf('power') !== '', COMES_BACK_MS)
    await stage.pc.cutPower()
    const ended = await stage.ended(id)
    expect(ended, await stage.journal()).toMatchObject({
      deployment_status: 'failed',
      reason: 'interrupted',
    })
    expect(runsOf('power')).toBe('run\n')
  })

  it('is removed with everything but its identity, and comes back as itself', async () => {
    const device = deviceId()
    const removed = await stage.pc.sh('/root/brought-agent uninstall-service')
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    expect(removed.stdout).toContain(`Its identity stays in ${layout.state}.`)
    for (const name of [layout.folder, layout.descriptionFile])
      expect(existsSync(stage.pc.file(name))).toBe(false)
    expect(await isActive()).toBe('inactive')
    const known = await stage.pc.exec(['systemctl', 'list-unit-files', UNIT, '--no-legend'])
    expect(known.stdout).toBe('')
    expect(deviceId()).toBe(device)

    expect((await stage.pc.sh('/root/brought-agent install-service')).code).toBe(0)
    await stage.untilOnline()
    expect(deviceId()).toBe(device)
  })
})
