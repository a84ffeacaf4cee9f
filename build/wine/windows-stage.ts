/**
 * A real controller on this computer and the built agent in its own Wine prefix, enrolled by code. For the
 * Windows tests.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import { openOnePcOffice } from '../agent/one-pc-office.ts'
import { targetsByIds } from '../agent/targets.ts'
import { packageAgents } from '../package-agent.ts'
import { copyForWine, openWindows, type Windows, type WindowsProgram } from './prefix.ts'

/** A service can be installed only from a folder that other users cannot write to. */
const AGENT = 'C:\\Program Files\\Agent\\deployx-agent.exe'
const STATE = 'C:\\ProgramData\\DeployX\\agent'

async function packagedAgent(): Promise<string> {
  const [made] = await packageAgents(targetsByIds(['win-x64']), (message) => console.error(message))
  return made!.file
}

export type WindowsStage = Awaited<ReturnType<typeof setWindowsStage>>

/**
 * Call `close` when done.
 * @param agentsDir the agents that the controller offers
 * @param file the agent to run; defaults to the released one
 */
export async function setWindowsStage(agentsDir: string | null = null, file?: string) {
  const office = await openOnePcOffice(agentsDir)
  const windows: Windows = await openWindows()
  const installers = path.join(windows.folder, 'installers')
  await fs.mkdir(installers)
  await copyForWine(file ?? (await packagedAgent()), windows.unixPath(AGENT))
  let agent: WindowsProgram | null = null

  function startAgent(words: readonly string[] = []): void {
    const env = { DEPLOYX_LOG_LEVEL: 'debug' }
    agent = windows.start([AGENT, 'run', '--state', STATE, ...words], env)
  }

  return {
    ...office,
    windows,
    /** Folder for the installers of a test. */
    installers,
    agentPath: AGENT,
    output: () => agent?.output() ?? '',
    startAgent,
    /** Enrols with a new code and waits until the PC appears in the console. */
    async enrollAgent(): Promise<void> {
      startAgent(['--code', await office.makeCode(), '--name', 'OFFICE-7'])
      await office.untilEnrolled().catch((error: unknown) => {
        throw new Error(`${String(error)}\n${agent?.output().slice(-2_000)}`)
      })
    },
    /**
     * Before a second try: Wine may have stopped in the middle of the first one, and the agent with it. What
     * the agent wrote until then is printed, because the first try is named as failed.
     */
    async startAgain(): Promise<void> {
      console.error(`the agent before the second try:\n${agent?.output().slice(-6_000)}`)
      await windows.killAll()
      startAgent()
      await office.untilOnline()
    },
    async killAgent(): Promise<void> {
      agent?.process.kill('SIGKILL')
      await agent?.ended
    },
    async close(): Promise<void> {
      await windows.close()
      await office.close()
    },
  }
}
