/**
 * A real controller on this computer and a bare Debian PC on which the copied command line is typed. For the
 * tests of the agent as a Linux service.
 */
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { layoutOf } from '../../agent/service/layout.ts'
import { openOnePcOffice } from '../agent/one-pc-office.ts'
import { targetsByIds } from '../agent/targets.ts'
import { agentDist, packageAgents } from '../package-agent.ts'
import { openDebianPc } from './debian-pc.ts'

export const layout = layoutOf('linux', {})
export const UNIT = `${layout.service}.service`

export type ServiceStage = Awaited<ReturnType<typeof setServiceStage>>

/** Call `close` when done. */
export async function setServiceStage(hostname: string) {
  await packageAgents(targetsByIds(['linux-x64']), (message) => console.error(message))
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-service-'))
  const office = await openOnePcOffice(agentDist)
  const pc = await openDebianPc(hostname).catch(async (error: unknown) => {
    await office.close()
    throw error
  })
  return {
    ...office,
    pc,
    /** For the installers of a test. */
    folder,
    /** The agent's log, for the message of a failed test. */
    journal: async (): Promise<string> =>
      (await pc.exec(['journalctl', '--unit', UNIT, '--no-pager', '--lines=60'])).stdout,
    /**
     * Types the command line of Add PCs into a root shell and waits until the PC appears in the console.
     */
    async installService(): Promise<string> {
      const { code, stdout, stderr } = await pc.sh(await office.linuxLine())
      if (code !== 0) throw new Error(`the copied line failed: ${stdout}${stderr}`)
      await office.untilEnrolled()
      return stdout
    },
    async close(): Promise<void> {
      await pc.close()
      await office.close()
      await fs.rm(folder, { recursive: true, force: true })
    },
  }
}
