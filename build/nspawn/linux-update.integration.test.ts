/**
 * The agent as a systemd service on a bare Debian, updated by its controller: it updates to another version,
 * rolls back a version that does not work, and survives a power cut in between. The PC shares the network of
 * this computer.
 */
import { existsSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { layoutOf } from '../../agent/service/layout.ts'
import { placesOf } from '../../agent/update/places.ts'
import { createOfferedVariants, PRELUDES } from '../agent/offered-variants.ts'
import { openOnePcOffice, type OnePcOffice } from '../agent/one-pc-office.ts'
import { targetsByIds } from '../agent/targets.ts'
import { nspawnObstacle, openDebianPc } from './debian-pc.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent is built for x64 only'
if (obstacle !== null)
  process.stderr.write(`SKIPPED: updates under systemd are not run here: ${obstacle}\n`)

const START_LIMIT_MS = 5 * 60_000
const LIMIT_MS = 4 * 60_000
const CHANGE_LIMIT_MS = 2 * 60_000
const layout = layoutOf('linux', {})
const places = placesOf(layout.executable)

describe.skipIf(obstacle !== null)(
  'the agent under systemd, when it is updated',
  { timeout: LIMIT_MS, retry: 0 },
  () => {
    let offered: Awaited<ReturnType<typeof createOfferedVariants>>
    let office: OnePcOffice
    let pc: Awaited<ReturnType<typeof openDebianPc>>

    beforeAll(async () => {
      offered = await createOfferedVariants(targetsByIds(['linux-x64'])[0]!)
      await offered.serve({ version: '0.1.0' })
      office = await openOnePcOffice(offered.dir)
      pc = await openDebianPc('OFFICE-6')
      const typed = await pc.sh(await office.linuxLine())
      expect(typed, typed.stderr).toMatchObject({ code: 0 })
      await office.untilEnrolled()
    }, START_LIMIT_MS)
    afterAll(async () => {
      await pc?.close()
      await office?.close()
      await offered?.remove()
    })

    const exists = (file: string): boolean => existsSync(pc.file(file))
    const waitFor = <T>(what: string, look: () => Promise<T | false | null | undefined>) =>
      until(what, look, { limitMs: CHANGE_LIMIT_MS, intervalMs: 100 }).catch(
        async (error: unknown) => {
          const words = ['journalctl', '--unit', layout.service, '--no-pager', '--lines=60']
          const state = JSON.stringify(await office.device())
          throw new Error(`${String(error)}: ${state}\n${(await pc.exec(words)).stdout}`)
        },
      )
    const untilSettledAt = (version: string) =>
      waitFor(`version ${version}`, async () => {
        const { agent_version, online } = await office.device()
        return online && agent_version === version && !exists(places.trial)
      })

    it('updates to the newer version that the controller offers', async () => {
      await offered.serve({ version: '0.2.0' })
      await untilSettledAt('0.2.0')
      await waitFor('the controller to report it', async () => {
        const { agent_update } = await office.device()
        return agent_update === null
      })
      for (const file of [places.previous, places.workshop]) expect(exists(file)).toBe(false)
      const stat = await pc.exec(['stat', '-c', '%U %a', layout.executable])
      expect(stat.stdout).toBe('root 755\n')
    })

    it('rolls back a version that does not keep running', async () => {
      await offered.serve({ version: '0.3.0', prelude: PRELUDES.crashes })
      const message = await waitFor('its failure', async () => {
        const { agent_update: update } = await office.device()
        return update?.state === 'failed' && update.message
      })
      expect(message).toContain('Version 0.3.0 did not keep running')
      await untilSettledAt('0.2.0')
    })

    it('runs another version after a power cut right after the replacement', async () => {
      await offered.serve({ version: '0.4.0' })
      await waitFor('the trial', async () => exists(places.trial))
      await pc.cutPower()
      await waitFor('the end of the trial', async () => {
        const { agent_version, online } = await office.device()
        return online && !exists(places.trial) && ['0.2.0', '0.4.0'].includes(agent_version)
      })
      // Either the new version was already in place, or the update counts as interrupted.
      const { agent_version, agent_update } = await office.device()
      if (agent_version === '0.2.0') expect(agent_update?.message).toContain('interrupted')
    })
  },
)
