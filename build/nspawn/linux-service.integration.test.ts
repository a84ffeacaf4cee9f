/**
 * The single-file agent for Linux as a service on a PC with a bare Debian: the command line that the console
 * shows is typed into its shell, and systemd, dpkg and the restart of the PC are real. The PC shares the
 * network of this computer.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { buildDeb } from '../../agent/test-kit/deb.ts'
import { nspawnObstacle } from './debian-pc.ts'
import { layout, setServiceStage, UNIT, type ServiceStage } from './service-stage.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent is built for x64 only'
if (obstacle !== null)
  process.stderr.write(
    `SKIPPED: the agent as a service under systemd is not run here: ${obstacle}\n`,
  )

const LIMIT_MS = 300_000
const CHANGE_LIMIT_MS = 90_000

describe.skipIf(obstacle !== null)('the agent under systemd', { timeout: LIMIT_MS }, () => {
  let stage: ServiceStage
  beforeAll(async () => {
    stage = await setServiceStage('OFFICE-5')
  }, 300_000)
  afterAll(async () => {
    await stage?.close()
  })

  /** As in systemctl(1): `active`, `inactive`, `failed`... */
  const activeState = async (): Promise<string> =>
    (await stage.pc.exec(['systemctl', 'is-active', UNIT])).stdout.trim()
  /** Process id of the agent inside the PC; 0 if it is not running. */
  const mainPid = async (): Promise<number> =>
    Number(
      (await stage.pc.exec(['systemctl', 'show', '--property=MainPID', '--value', UNIT])).stdout,
    )
  const deviceId = (): number =>
    (JSON.parse(readFileSync(stage.pc.file(`${layout.state}/identity.json`), 'utf8')) as Identity)
      .enrollment.device_id
  type Identity = { enrollment: { device_id: number } }

  /** A script that records each run and ends when the file `name`.go appears. */
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

  it('is not installed with a mistyped code, nor from a file with the wrong hash', async () => {
    const line = await stage.linuxLine()
    const mistyped = await stage.pc.sh(
      line.replace(/DX1\.(.)/, (_, c: string) => `DX1.${c === 'A' ? 'B' : 'A'}`),
    )
    expect(mistyped.code).not.toBe(0)
    expect(mistyped.stderr).toMatch(/code/)
    const other = await stage.pc.sh(line.replace(/h=[0-9a-f]{64}/, `h=${'0'.repeat(64)}`))
    expect(other.code).not.toBe(0)
    for (const name of [layout.folder, layout.descriptionFile])
      expect(existsSync(stage.pc.file(name))).toBe(false)
  })

  it('is installed by the command line of Add PCs on a PC without curl, sudo and Node', async () => {
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
    expect(await activeState()).toBe('active')
    expect((await stage.pc.exec(['systemctl', 'is-enabled', UNIT])).stdout).toBe('enabled\n')
    const modes = await stage.pc.exec(['stat', '-c', '%U %a', layout.state, layout.executable])
    expect(modes.stdout).toBe('root 700\nroot 755\n')
  })

  it('installs a .deb package, skips it the second time and removes it', async () => {
    const file = path.join(stage.folder, 'tool.deb')
    writeFileSync(file, buildDeb(stage.folder, { name: 'deployx-tool', version: '1.2' }))
    const software = await stage.addSoftware(file)
    const first = await stage.untilEnded(await stage.start(software))
    expect(first, await stage.journal()).toMatchObject({
      deployment_status: 'completed',
      exit_code: 0,
    })
    expect((await stage.pc.exec(['dpkg', '-s', 'deployx-tool'])).stdout).toContain('Version: 1.2\n')
    expect(await stage.untilEnded(await stage.start(software))).toMatchObject({
      deployment_status: 'skipped',
      reason: 'already_installed',
    })
    const removed = await stage.untilEnded(await stage.start(software, { action: 'uninstall' }))
    expect(removed).toMatchObject({ deployment_status: 'completed' })
    expect((await stage.pc.exec(['dpkg', '-s', 'deployx-tool'])).code).toBe(1)
  })

  it('reports the unmet dependency of a .deb package and leaves dpkg in a clean state', async () => {
    const name = 'deployx-lonely'
    const file = path.join(stage.folder, `${name}.deb`)
    writeFileSync(file, buildDeb(stage.folder, { name, depends: 'deployx-nowhere' }))
    const failed = await stage.untilEnded(await stage.start(await stage.addSoftware(file)))
    expect(failed).toMatchObject({ deployment_status: 'failed', reason: 'install_failed' })
    expect(failed.output).toContain('deployx-nowhere')
    expect((await stage.pc.exec(['dpkg', '--audit'])).stdout).toBe('')
  })

  it('resumes a running installer after the agent was killed', async () => {
    const id = await stage.start(await addSlowScript('kill'))
    await until('the script to run', async () => runsOf('kill') !== '', {
      limitMs: CHANGE_LIMIT_MS,
    })
    const before = await mainPid()
    expect((await stage.pc.sh(`kill -KILL ${before}`)).code).toBe(0)
    const isBack = async () => ![0, before].includes(await mainPid())
    await until('systemd to start it again', isBack, { limitMs: CHANGE_LIMIT_MS })
    await stage.untilOnline()
    writeFileSync(stage.pc.file('/root/kill.go'), '')
    const ended = await stage.untilEnded(id)
    expect(ended, await stage.journal()).toMatchObject({
      deployment_status: 'completed',
      exit_code: 0,
    })
    expect(ended.output).toBe('before\nafter\n')
    expect(runsOf('kill')).toBe('run\n')
  })

  it('keeps a running installer and its own identity during an update', async () => {
    const [device, before] = [deviceId(), await mainPid()]
    const id = await stage.start(await addSlowScript('update'))
    await until('the script to run', async () => runsOf('update') !== '', {
      limitMs: CHANGE_LIMIT_MS,
    })
    // The command line leaves no file behind, so this simulates an agent file that somebody copied to the PC.
    await stage.pc.sh(`cp ${layout.executable} /root/brought-agent`)
    const again = await stage.pc.sh('/root/brought-agent install-service')
    expect(again, again.stderr).toMatchObject({ code: 0 })
    expect(await mainPid()).not.toBe(before)
    await stage.untilOnline()
    writeFileSync(stage.pc.file('/root/update.go'), '')
    expect(await stage.untilEnded(id), await stage.journal()).toMatchObject({
      deployment_status: 'completed',
    })
    expect(runsOf('update')).toBe('run\n')
    expect(deviceId()).toBe(device)
  })

  it('starts again when the PC restarts', async () => {
    const device = deviceId()
    await stage.pc.reboot()
    await stage.untilOnline()
    expect(await activeState()).toBe('active')
    expect(deviceId()).toBe(device)
  })

  it('does not repeat an installer that a power cut interrupted', async () => {
    const id = await stage.start(await addSlowScript('power'))
    await until('the script to run', async () => runsOf('power') !== '', {
      limitMs: CHANGE_LIMIT_MS,
    })
    await stage.pc.cutPower()
    const ended = await stage.untilEnded(id)
    expect(ended, await stage.journal()).toMatchObject({
      deployment_status: 'failed',
      reason: 'interrupted',
    })
    expect(runsOf('power')).toBe('run\n')
  })

  it('is removed except for its identity, and keeps that identity when it is installed again', async () => {
    const device = deviceId()
    const removed = await stage.pc.sh('/root/brought-agent uninstall-service')
    expect(removed).toMatchObject({ code: 0, stderr: '' })
    expect(removed.stdout).toContain(`The identity of this PC remains in ${layout.state}.`)
    for (const name of [layout.folder, layout.descriptionFile])
      expect(existsSync(stage.pc.file(name))).toBe(false)
    expect(await activeState()).toBe('inactive')
    const known = await stage.pc.exec(['systemctl', 'list-unit-files', UNIT, '--no-legend'])
    expect(known.stdout).toBe('')
    expect(deviceId()).toBe(device)

    expect((await stage.pc.sh('/root/brought-agent install-service')).code).toBe(0)
    await stage.untilOnline()
    expect(deviceId()).toBe(device)
  })
})
