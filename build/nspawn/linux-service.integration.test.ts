/**
 * The single-file agent for Linux as a service of a PC that has nothing but its Debian: the line that the console shows is typed
 * into its shell, and systemd, dpkg and the PC's restart are the real ones. A PC shares the network of this computer.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildDeb } from '../../agent/test-kit/deb.ts'
import { layoutOf } from '../../agent/service/layout.ts'
import { openOnePcOffice, until, type OnePcOffice } from '../agent/one-pc-office.ts'
import { targetsByIds } from '../agent/targets.ts'
import { agentDist, packageAgents } from '../package-agent.ts'
import { nspawnObstacle, openDebianPc, type DebianPc } from './debian-pc.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent here is for x64'
if (obstacle !== null)
  process.stderr.write(
    `SKIPPED: the agent as a service under systemd is not run here: ${obstacle}\n`,
  )

const LIMIT_MS = 120_000
const COMES_BACK_MS = 30_000
const layout = layoutOf('linux', {})
const UNIT = `${layout.service}.service`

describe.skipIf(obstacle !== null)('the agent under systemd', { timeout: LIMIT_MS }, () => {
  let folder: string
  let office: OnePcOffice
  let pc: DebianPc

  beforeAll(async () => {
    await packageAgents(targetsByIds(['linux-x64']), (message) => console.error(message))
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-service-'))
    office = await openOnePcOffice(agentDist)
    pc = await openDebianPc('OFFICE-5')
  }, 300_000)
  afterAll(async () => {
    await pc?.close()
    await office?.close()
    if (folder) await fs.rm(folder, { recursive: true, force: true })
  }, 60_000)

  const isActive = async (): Promise<string> =>
    (await pc.exec(['systemctl', 'is-active', UNIT])).stdout.trim()
  const journal = async (): Promise<string> =>
    (await pc.exec(['journalctl', '--unit', UNIT, '--no-pager', '--lines=60'])).stdout
  /** Process id of the agent, as the PC numbers it; 0 when it does not run. */
  const mainPid = async (): Promise<number> =>
    Number((await pc.exec(['systemctl', 'show', '--property=MainPID', '--value', UNIT])).stdout)
  const deviceId = (): number =>
    (JSON.parse(readFileSync(pc.file(`${layout.state}/identity.json`), 'utf8')) as Identity)
      .enrollment.device_id
  type Identity = { enrollment: { device_id: number } }

  /** A script that notes each of its runs, and ends when the file `name`.go appears. */
  async function addSlowScript(name: string) {
    const file = path.join(folder, `${name}.sh`)
    const waits = `for i in $(seq 600); do [ -e /root/${name}.go ] && break; sleep 0.1; done`
    const lines = [
      '#!/bin/sh',
      `echo run >> /root/${name}.runs`,
      'echo before',
      waits,
      'echo after',
    ]
    writeFileSync(file, [...lines, ''].join('\n'))
    return office.addSoftware(file)
  }
  const runsOf = (name: string): string => {
    const file = pc.file(`/root/${name}.runs`)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  it('is not installed by a mistyped code, nor by a file with another hash', async () => {
    const line = await office.linuxLine()
    const mistyped = await pc.sh(line.replace(/DX1\.(.)/, (_, c: string) => `DX1.${c === 'A' ? 'B' : 'A'}`)) // prettier-ignore
    expect(mistyped.code).not.toBe(0)
    expect(mistyped.stderr).toMatch(/code/)
    const other = await pc.sh(line.replace(/h=[0-9a-f]{64}/, `h=${'0'.repeat(64)}`))
    expect(other.code).not.toBe(0)
    for (const name of [layout.folder, layout.descriptionFile])
      expect(existsSync(pc.file(name))).toBe(false)
  })

  it('comes with the line of Add devices onto a PC without curl, sudo and Node', async () => {
    const bare = await pc.sh('command -v curl sudo node || echo none')
    expect(bare.stdout).toBe('none\n')
    const { code, stdout, stderr } = await pc.sh(await office.linuxLine())
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toContain('deployx-agent: OK\n')
    expect(stdout).toContain(`The service ${layout.service} runs ${layout.executable}.\n`)
    await office.untilEnrolled()
    expect(await office.device()).toMatchObject({
      name: 'OFFICE-5',
      platform: 'linux',
      arch: 'x64',
    })
    expect(await isActive()).toBe('active')
    expect((await pc.exec(['systemctl', 'is-enabled', UNIT])).stdout).toBe('enabled\n')
    const modes = await pc.exec(['stat', '-c', '%U %a', layout.state, layout.executable])
    expect(modes.stdout).toBe('root 700\nroot 755\n')
  })

  it('installs a .deb package, skips it the second time and removes it', async () => {
    const file = path.join(folder, 'tool.deb')
    writeFileSync(file, buildDeb(folder, { name: 'deployx-tool', version: '1.2' }))
    const software = await office.addSoftware(file)
    const first = await office.ended(await office.start(software))
    expect(first, await journal()).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    expect((await pc.exec(['dpkg', '-s', 'deployx-tool'])).stdout).toContain('Version: 1.2\n')
    expect(await office.ended(await office.start(software))).toMatchObject({
      deployment_status: 'skipped',
      reason: 'already_installed',
    })
    const removed = await office.ended(await office.start(software, { action: 'uninstall' }))
    expect(removed).toMatchObject({ deployment_status: 'completed' })
    expect((await pc.exec(['dpkg', '-s', 'deployx-tool'])).code).toBe(1)
  })

  it('says of a .deb package with an unmet dependency what is missing, and leaves dpkg in order', async () => {
    const name = 'deployx-lonely'
    const file = path.join(folder, `${name}.deb`)
    writeFileSync(file, buildDeb(folder, { name, depends: 'deployx-nowhere' }))
    const failed = await office.ended(await office.start(await office.addSoftware(file)))
    expect(failed).toMatchObject({ deployment_status: 'failed', reason: 'install_failed' })
    expect(failed.output).toContain('deployx-nowhere')
    expect((await pc.exec(['dpkg', '--audit'])).stdout).toBe('')
  })

  it('takes a running installer up again after it was killed', async () => {
    const id = await office.start(await addSlowScript('kill'))
    await until('the script to run', async () => runsOf('kill') !== '', COMES_BACK_MS)
    const before = await mainPid()
    expect((await pc.sh(`kill -KILL ${before}`)).code).toBe(0)
    const isBack = async () => ![0, before].includes(await mainPid())
    await until('systemd to start it again', isBack, COMES_BACK_MS)
    await office.untilOnline()
    writeFileSync(pc.file('/root/kill.go'), '')
    const ended = await office.ended(id)
    expect(ended, await journal()).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    expect(ended.output).toBe('before\nafter\n')
    expect(runsOf('kill')).toBe('run\n')
  })

  it('leaves a running installer alone while it is updated, and keeps its identity', async () => {
    const [device, before] = [deviceId(), await mainPid()]
    const id = await office.start(await addSlowScript('update'))
    await until('the script to run', async () => runsOf('update') !== '', COMES_BACK_MS)
    const again = await pc.sh('./deployx-agent install-service')
    expect(again, again.stderr).toMatchObject({ code: 0 })
    expect(await mainPid()).not.toBe(before)
    await office.untilOnline()
    writeFileSync(pc.file('/root/update.go'), '')
    expect(await office.ended(id), await journal()).toMatchObject({
      deployment_status: 'completed',
    })
    expect(runsOf('update')).toBe('run\n')
    expect(deviceId()).toBe(device)
  })

  it('comes back with the PC after a restart', async () => {
    const device = deviceId()
    await pc.reboot()
    await office.untilOnline()
    expect(await isActive()).toBe('active')
    expect(deviceId()).toBe(device)
  })

  it('does not run an installer twice that a power cut ended', async () => {
    const id = await office.start(await addSlowScript('power'))
    await until('the script to run', async () => runsOf('power') !== '', COMES_BACK_MS)
    await pc.cutPower()
    const ended = await office.ended(id)
    expect(ended, await journal()).toMatchObject({
      deployment_status: 'failed',
      reason: 'interrupted',
    })
    expect(runsOf('power')).toBe('run\n')
  })

  it('is removed with everything but its identity, and comes back as itself', async () => {
    const device = deviceId()
    const removed = await pc.sh('./deployx-agent uninstall-service')
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    expect(removed.stdout).toContain(`Its identity stays in ${layout.state}.`)
    for (const name of [layout.folder, layout.descriptionFile])
      expect(existsSync(pc.file(name))).toBe(false)
    expect(await isActive()).toBe('inactive')
    const known = await pc.exec(['systemctl', 'list-unit-files', UNIT, '--no-legend'])
    expect(known.stdout).toBe('')
    expect(deviceId()).toBe(device)

    expect((await pc.sh('./deployx-agent install-service')).code).toBe(0)
    await office.untilOnline()
    expect(deviceId()).toBe(device)
  })
})
