/**
 * Restarts a PC for real: a package requests the restart the way Debian packages do, the deployment allows
 * it, and systemd performs it. Only the PC is simulated: it is a container with its own systemd and its own
 * boot ids.
 */
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeploymentId } from '#shared/domain/ids.ts'
import { until } from '#shared/test-kit/until.ts'
import { buildDeb } from '../../agent/test-kit/deb.ts'
import { nspawnObstacle } from './debian-pc.ts'
import { setServiceStage, type ServiceStage } from './service-stage.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent is built for x64 only'
if (obstacle !== null) process.stderr.write(`SKIPPED: real restarts of a PC: ${obstacle}\n`)

const LIMIT_MS = 300_000
const REPORT_LIMIT_MS = 90_000
/** The shortest notice period, plus what systemd needs on top of it. */
const RESTART_LIMIT_MS = 120_000
/** The file that update-notifier creates when a package's script requests a restart. */
const POSTINST = '#!/bin/sh\necho "*** System restart required ***" > /run/reboot-required\n'
const SCHEDULED = '/run/systemd/shutdown/scheduled'

describe.skipIf(obstacle !== null)('a restart of a real PC', { timeout: LIMIT_MS }, () => {
  let stage: ServiceStage
  beforeAll(async () => {
    stage = await setServiceStage('OFFICE-7')
    await stage.installService()
  }, 300_000)
  afterAll(async () => {
    await stage?.close()
  })

  const sh = async (line: string): Promise<string> => (await stage.pc.sh(line)).stdout.trim()
  const boot = (): Promise<string> => sh('cat /proc/sys/kernel/random/boot_id')
  const isScheduled = async (): Promise<boolean> =>
    (await sh(`test -e ${SCHEDULED} && echo yes`)) === 'yes'
  let packages = 0
  /** Deploys a package that was never on the PC before. */
  async function deploy(reboot: 'never' | 'if_needed'): Promise<DeploymentId> {
    const name = `deployx-restart-${++packages}`
    const file = path.join(stage.folder, `${name}.deb`)
    writeFileSync(file, buildDeb(stage.folder, { name, postinst: POSTINST }))
    const software = await stage.addSoftware(file)
    const id = await stage.start(software, {
      reboot,
      ...(reboot === 'if_needed' && { reboot_delay_minutes: 1 }),
    })
    expect(await stage.untilEnded(id), await stage.journal()).toMatchObject({
      deployment_status: 'completed',
      reason: 'reboot_pending',
      exit_code: 0,
    })
    return id
  }
  const untilRestart = (id: DeploymentId, state: string) =>
    until(
      `the restart to be ${state}`,
      async () => (await stage.target(id)).restart?.state === state,
      { limitMs: REPORT_LIMIT_MS },
    )

  it('stays pending if the deployment never restarts PCs', async () => {
    const id = await deploy('never')
    expect((await stage.target(id)).restart).toBeUndefined()
    expect(await isScheduled()).toBe(false)
    await sh('rm /run/reboot-required')
  })

  it('can be cancelled by a user during the notice period', async () => {
    const id = await deploy('if_needed')
    await untilRestart(id, 'announced')
    expect(await isScheduled()).toBe(true)
    expect(await sh(`cat ${SCHEDULED}`)).toContain(`deployx-restart-${packages}`)
    await stage.cancelRestarts(id)
    await untilRestart(id, 'canceled')
    expect(await isScheduled()).toBe(false)
    await sh('rm /run/reboot-required')
  })

  it('happens once after the notice period, and the PC comes back online in the console', async () => {
    const before = await boot()
    const id = await deploy('if_needed')
    await untilRestart(id, 'announced')
    const software = path.join(stage.folder, 'late.sh')
    writeFileSync(software, '#!/bin/sh\ntouch /root/late\n')
    const late = await stage.start(await stage.addSoftware(software))
    await stage.pc.untilRestarted(RESTART_LIMIT_MS)
    await stage.untilOnline()
    await untilRestart(id, 'done')
    expect(await boot()).not.toBe(before)
    expect(await isScheduled()).toBe(false)
    const isCleared = async () => (await stage.device()).reboot_pending === false
    await until('the pending restart to be cleared', isCleared, { limitMs: REPORT_LIMIT_MS })
    // The deployment that was created during the notice period was not started then, and is done now.
    expect(await stage.untilEnded(late), await stage.journal()).toMatchObject({
      deployment_status: 'completed',
    })
    expect(existsSync(stage.pc.file('/root/late'))).toBe(true)
    expect((await stage.target(late)).attempt).toBe(1)
  })
})
