/**
 * Packages that conflict with installed software, or that other packages need, on a real Debian with apt-get.
 * The result names what would be removed; it is removed only if the deployment allows it.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CreateDeploymentInput } from '#shared/contract/rest/deployment-requests.ts'
import { buildDeb, type DebParts } from '../../agent/test-kit/deb.ts'
import { ensureSystemPackages } from '../system-packages.ts'
import { nspawnObstacle } from './debian-pc.ts'
import { setServiceStage, type ServiceStage } from './service-stage.ts'

const obstacle = process.arch === 'x64' ? await nspawnObstacle() : 'the agent is built for x64 only'
if (obstacle !== null)
  process.stderr.write(`SKIPPED: packages that remove others on a real Debian: ${obstacle}\n`)

const OFFICE = 'deployx-office'
const HELPER = 'deployx-office-help'
const TOOL = 'deployx-tool'
const LIMIT_MS = 300_000

describe.skipIf(obstacle !== null)(
  'a package that affects other software',
  { timeout: LIMIT_MS },
  () => {
    let stage: ServiceStage
    const fileOf = (parts: DebParts): string => {
      const file = path.join(stage.folder, `${parts.name}.deb`)
      writeFileSync(file, buildDeb(stage.folder, parts))
      return file
    }
    const states = async (...names: string[]): Promise<string[]> => {
      const query = [
        'dpkg-query',
        '--show',
        '--showformat=${Package} ${db:Status-Status}\\n',
        ...names,
      ]
      const lines = (await stage.pc.exec(query)).stdout.split('\n')
      return lines.filter((line) => line.endsWith(' installed')).map((line) => line.split(' ')[0]!)
    }
    const deploy = async (
      software: Awaited<ReturnType<ServiceStage['addSoftware']>>,
      more: Partial<CreateDeploymentInput> = {},
    ) => stage.untilEnded(await stage.start(software, more))

    beforeAll(async () => {
      await ensureSystemPackages(['package-tools'], (message) => console.error(message))
      stage = await setServiceStage('OFFICE-8')
      await stage.installService()
    }, 300_000)
    afterAll(async () => {
      await stage?.close()
    })

    describe('when it conflicts with installed software', () => {
      beforeEach(async () => {
        writeFileSync(
          stage.pc.file('/root/office.deb'),
          buildDeb(stage.folder, { name: OFFICE, version: '1.5' }),
        )
        expect(await stage.pc.sh(`dpkg -P ${TOOL}; dpkg -i /root/office.deb`)).toMatchObject({
          code: 0,
        })
      })

      it('changes nothing and names what would be removed', async () => {
        const ended = await deploy(
          await stage.addSoftware(fileOf({ name: TOOL, conflicts: OFFICE })),
        )
        expect(ended).toMatchObject({ deployment_status: 'failed', reason: 'install_failed' })
        expect(ended.result_message).toBe(
          `Nothing was changed: this would remove ${OFFICE} 1.5 on this PC. Allow it in the deployment if this is intended.`,
        )
        expect(await states(OFFICE, TOOL)).toEqual([OFFICE])
      })

      it('replaces the other package where that is allowed, and the result names it', async () => {
        const software = await stage.addSoftware(fileOf({ name: TOOL, conflicts: OFFICE }))
        const ended = await deploy(software, { allow_removals: true })
        expect(ended, await stage.journal()).toMatchObject({
          deployment_status: 'completed',
          exit_code: 0,
          result_message: `Installed. It also removed ${OFFICE} 1.5. Exit code 0.`,
        })
        expect(await states(OFFICE, TOOL)).toEqual([TOOL])
      })

      it('reports that the other package may have been removed if the installation fails later', async () => {
        const parts = {
          name: TOOL,
          version: '2.0',
          conflicts: OFFICE,
          postinst: '#!/bin/sh\nexit 3\n',
        }
        const software = await stage.addSoftware(fileOf(parts))
        const ended = await deploy(software, { allow_removals: true })
        expect(ended).toMatchObject({ deployment_status: 'failed' })
        expect(ended.result_message).toContain(`It may also have removed ${OFFICE} 1.5.`)
        expect(await states(OFFICE)).toEqual([])
      })
    })

    describe('when other packages need it', () => {
      it('is kept unless the removal is allowed; then both are removed and named', async () => {
        const software = await stage.addSoftware(fileOf({ name: OFFICE, version: '1.6' }))
        await stage.pc.sh(`dpkg -P ${TOOL}`)
        expect(await deploy(software)).toMatchObject({ deployment_status: 'completed' })
        writeFileSync(
          stage.pc.file('/root/help.deb'),
          buildDeb(stage.folder, { name: HELPER, depends: OFFICE }),
        )
        expect(await stage.pc.exec(['dpkg', '-i', '/root/help.deb'])).toMatchObject({ code: 0 })

        const refused = await deploy(software, { action: 'uninstall' })
        expect(refused).toMatchObject({ deployment_status: 'failed' })
        expect(refused.result_message).toContain(`this would also remove ${HELPER} 1.0`)
        expect(await states(OFFICE, HELPER)).toEqual([OFFICE, HELPER])

        const removed = await deploy(software, { action: 'uninstall', allow_removals: true })
        expect(removed).toMatchObject({
          deployment_status: 'completed',
          result_message: `Removed. It also removed ${HELPER} 1.0. Exit code 0.`,
        })
        expect(await states(OFFICE, HELPER)).toEqual([])
      })
    })
  },
)
