/**
 * The built agents for Linux with a real controller: an agent updates itself, and rolls back when the new
 * version does not work. The start script is the real one; a short loop stands in for systemd.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVENT_LIMIT_MS, until } from '#shared/test-kit/until.ts'
import { startScript } from '../../agent/service/start-script.ts'
import { packageAgents } from '../package-agent.ts'
import { run } from '../support/run.ts'
import { createOfferedVariants, PRELUDES } from './offered-variants.ts'
import { openOnePcOffice, type OnePcOffice } from './one-pc-office.ts'
import { targetsByIds } from './targets.ts'

const LIMIT_MS = 300_000
const RESTART_MS = 300
const canRun = process.platform === 'linux' && process.arch === 'x64'
if (!canRun) process.stderr.write('SKIPPED: the agent for Linux x64 does not run here\n')

describe.skipIf(!canRun)(
  'the agent for Linux, when it is updated',
  { timeout: LIMIT_MS, retry: 0 },
  () => {
    let folder: string
    let offered: Awaited<ReturnType<typeof createOfferedVariants>>
    let office: OnePcOffice
    let own: string
    let child: ChildProcess | null = null
    let isOver = false
    let output = ''
    const inBin = (name: string): string => path.join(folder, 'bin', name)

    /** Like systemd: restarts the agent whenever it ends, except after a usage error (exit code 2). */
    function keepRunning(): void {
      if (isOver) return
      const words = ['run', '--state', path.join(folder, 'state')]
      words.push('--install-root', path.join(folder, 'root'))
      const env = { PATH: '/usr/bin:/bin', DEPLOYX_LOG_LEVEL: 'info' }
      child = spawn('/bin/sh', [inBin('start.sh'), ...words], {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
        env,
      })
      child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.once('exit', (code) => {
        if (code !== 2) setTimeout(keepRunning, RESTART_MS)
      })
    }
    async function writeStartScript(linkLimitSeconds?: number): Promise<void> {
      writeFileSync(inBin('start.sh.new'), startScript('deployx-agent', linkLimitSeconds))
      await fs.rename(inBin('start.sh.new'), inBin('start.sh'))
    }
    const device = () => office.device()
    const untilVersion = (version: string) =>
      until(`version ${version}`, async () => {
        const { agent_version, agent_update, online } = await device()
        return online && agent_version === version && agent_update?.state !== 'updating'
      }).catch(async (error: unknown) => {
        throw new Error(
          `${String(error)}: ${JSON.stringify(await device())}\n${output.slice(-3_000)}`,
        )
      })
    const untilRolledBack = (version: string) =>
      until(`version ${version} to be rolled back`, async () => {
        const { agent_update: update } = await device()
        return update?.version === version && update.state === 'failed' && update.message
      }).catch(async (error: unknown) => {
        throw new Error(
          `${String(error)}: ${JSON.stringify(await device())}\n${output.slice(-3_000)}`,
        )
      })

    beforeAll(async () => {
      const [target] = targetsByIds(['linux-x64'])
      const [made] = await packageAgents([target!], (message) => console.error(message))
      offered = await createOfferedVariants(target!)
      folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deployx-update-'))
      await fs.mkdir(path.join(folder, 'bin'), { mode: 0o755 })
      await fs.mkdir(path.join(folder, 'root'))
      await fs.copyFile(made!.file, inBin('deployx-agent'))
      await writeStartScript()
      own = (
        await run(inBin('deployx-agent'), ['--version'], { timeoutMs: EVENT_LIMIT_MS })
      ).stdout.trim()
      office = await openOnePcOffice(offered.dir)
      const words = ['enroll', '--state', path.join(folder, 'state'), '--code']
      const enrolled = await run(inBin('deployx-agent'), [...words, await office.makeCode()], {
        timeoutMs: EVENT_LIMIT_MS,
      })
      expect(enrolled).toMatchObject({ code: 0 })
      keepRunning()
      await office.untilEnrolled()
    }, LIMIT_MS)
    afterAll(async () => {
      isOver = true
      if (child?.pid !== undefined)
        try {
          process.kill(-child.pid, 'SIGKILL')
        } catch {
          // No process right now: the loop is between two starts.
        }
      await office?.close()
      await offered?.remove()
      if (folder) await fs.rm(folder, { recursive: true, force: true, maxRetries: 5 })
    })

    it('updates to the newer version that the controller offers, and still installs software', async () => {
      expect((await device()).agent_version).toBe(own)
      await offered.serve({ version: '0.2.0' })
      await untilVersion('0.2.0')
      await until('the trial to be over', async () => !existsSync(inBin('update-trial')))
      expect((await device()).agent_update).toBeNull()
      expect(readdirSync(path.join(folder, 'bin')).sort()).toEqual(['deployx-agent', 'start.sh'])
      const script = path.join(folder, 'tool.sh')
      await fs.writeFile(script, '#!/bin/sh\necho installed\n')
      const ended = await office.untilEnded(await office.start(await office.addSoftware(script)))
      expect(ended).toMatchObject({ deployment_status: 'completed', exit_code: 0 })
    })

    it.each([
      ['crashes', '0.3.0', 'did not keep running', undefined],
      ['hangs', '0.4.0', 'did not reach the controller', 5],
      ['cannot connect', '0.5.0', 'did not reach the controller', 5],
    ] as const)(
      'rolls back from a version that %s',
      async (nature, version, words, limitSeconds) => {
        await writeStartScript(limitSeconds)
        // The old start script keeps running until its agent ends.
        process.kill(-child!.pid!, 'SIGTERM')
        await office.untilOnline()
        await offered.serve({ version, prelude: PRELUDES[nature] })
        expect(await untilRolledBack(version)).toContain(words)
        await untilVersion('0.2.0')
        expect(readdirSync(path.join(folder, 'bin')).sort()).toEqual(['deployx-agent', 'start.sh'])
      },
    )
  },
)
