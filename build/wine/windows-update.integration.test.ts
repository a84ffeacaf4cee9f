/**
 * The built agents for Windows as a Wine service, with their real service host and a real controller: an
 * agent updates to another version, and rolls back if that version does not keep running or hangs.
 */
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { createOfferedVariants, PRELUDES } from '../agent/offered-variants.ts'
import { targetsByIds } from '../agent/targets.ts'
import { copyForWine, wineObstacle } from './prefix.ts'
import { setWindowsStage, type WindowsStage } from './windows-stage.ts'

const START_LIMIT_MS = 10 * 60_000
const LIMIT_MS = 5 * 60_000
const CHANGE_LIMIT_MS = 3 * 60_000
const LINK_LIMIT_MS = 75_000
/** Each case takes as long as the trial of an update may, so the longest one runs only in the full test run. */
const BROKEN = [
  ['crashes', '0.3.0', 'did not keep running'],
  ['hangs', '0.4.0', 'did not reach the controller'],
] as const
const TRIED = process.env['DEPLOYX_TEST_FULL'] === undefined ? BROKEN.slice(0, 1) : BROKEN
const FOLDER = 'C:\\Program Files\\DeployX Agent'

const obstacle = await wineObstacle()
if (obstacle) process.stderr.write(`SKIPPED: the Windows agent does not run here: ${obstacle}\n`)

describe.skipIf(obstacle !== null)(
  'the agent for Windows, updated',
  { timeout: LIMIT_MS, retry: 0 },
  () => {
    let offered: Awaited<ReturnType<typeof createOfferedVariants>>
    let stage: WindowsStage
    const names = (): string[] => readdirSync(stage.windows.unixPath(FOLDER)).sort()
    const log = (): string => stage.windows.read('C:\\ProgramData\\DeployX\\agent\\agent.log')
    const waitFor = <T>(what: string, look: () => Promise<T | false | null | undefined>) =>
      until(what, look, { limitMs: CHANGE_LIMIT_MS, intervalMs: 100 }).catch(
        async (error: unknown) => {
          const state = JSON.stringify(await stage.device())
          throw new Error(`${String(error)}: ${state} ${names().join()}\n${log().slice(-3_000)}`)
        },
      )

    beforeAll(async () => {
      const [target] = targetsByIds(['win-x64'])
      offered = await createOfferedVariants(target!, (file) => copyForWine(file, file))
      // The first agent brings the service host. Its time limit is shortened, because no test waits ten
      // minutes for an agent that hangs.
      const first = { version: '0.1.0', linkLimitMs: LINK_LIMIT_MS }
      const { file_name } = await offered.serve(first)
      stage = await setWindowsStage(offered.dir, path.join(offered.dir, file_name))
      // Wine shuts down when only services are left, so start another program, as if somebody were signed in.
      stage.windows.start(['ping', '-n', '1800', '127.0.0.1'])
      const words = ['install-service', '--name', 'OFFICE-7', '--code', await stage.makeCode()]
      const made = await stage.windows.exec([stage.agentPath, ...words], 120_000)
      expect(made.output).toContain('The service DeployXAgent runs')
      await stage.untilEnrolled()
    }, START_LIMIT_MS)
    afterAll(async () => {
      await stage?.close()
      await offered?.remove()
    })

    it('updates to the newer version that the controller offers', async () => {
      await offered.serve({ version: '0.2.0' })
      await waitFor('version 0.2.0', async () => {
        const { agent_version, agent_update, online } = await stage.device()
        return online && agent_version === '0.2.0' && agent_update === null
      })
      await waitFor(
        'the end of the trial',
        async () => !names().some((n) => /trial|\.previous$/.test(n)),
      )
      expect(names()).not.toContain('update')
    })

    it.each(TRIED)('rolls back from a version that %s', async (nature, version, words) => {
      await offered.serve({ version, prelude: PRELUDES[nature] })
      const message = await waitFor(`the failure of version ${version}`, async () => {
        const { agent_update: update } = await stage.device()
        return update?.version === version && update.state === 'failed' && update.message
      })
      expect(message).toContain(words)
      await stage.untilOnline()
      expect((await stage.device()).agent_version).toBe('0.2.0')
      expect(names().filter((name) => /trial|taken-back|\.previous$|\.failed$/.test(name))).toEqual(
        [],
      )
    })
  },
)
