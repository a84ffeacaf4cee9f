/** Installers that return before the programs they started have finished. Linux only. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { countingScript, countRuns, setStage, type Stage } from '../test-kit/stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage()
  await stage.connect()
})
afterEach(async () => {
  writeFileSync(join(stage.rootPath, 'go'), '')
  await stage.clear()
})

const WAIT = 'while [ ! -e "$DEPLOYX_INSTALL_ROOT/go" ]; do sleep 0.1; done'
/**
 * Exits immediately; a process started with `start` runs `line` in the background when the test allows it.
 */
const bootstrapper = (line: string, start = 'sh -c'): Buffer =>
  countingScript(`${start} '${WAIT}; ${line}' &`, 'exit 0')
const command = (content: Buffer, more: Partial<DeployPayload> = {}): DeployPayload =>
  stage.hub.payload({ content, detection: { type: 'file', path: '/tool' }, ...more })
const go = (): void => writeFileSync(join(stage.rootPath, 'go'), '')
const untilWaiting = () =>
  stage.hub.until('it waits', () =>
    stage.hub.reports.deployment_progress.some(({ reason }) => reason === 'verifying'),
  )

describe.runIf(process.platform === 'linux')('an installer that returns early', () => {
  it.each([
    ['in its own session', 'setsid sh -c'],
    ['in its group', 'sh -c'],
    [
      'with an environment that was cleared',
      'env -i DEPLOYX_INSTALL_ROOT="$DEPLOYX_INSTALL_ROOT" PATH="$PATH" sh -c',
    ],
  ])('is judged only after the process it started has ended: %s', async (_what, start) => {
    const { hub } = stage
    const sent = command(bootstrapper('touch "$DEPLOYX_INSTALL_ROOT/tool"', start))
    await hub.deploy(sent)
    await untilWaiting()
    expect(hub.reports.deployment_result).toEqual([])
    go()
    expect(await hub.result(sent)).toMatchObject({ status: 'success', exit_code: 0 })
    expect(hub.outputOf(sent)).toContain('processes that it started are still running')
    expect(countRuns(stage.rootPath)).toBe(1)
  })

  it('ends as not detected once its child has ended without installing anything', async () => {
    const { hub } = stage
    const sent = command(bootstrapper('true'))
    await hub.deploy(sent)
    await untilWaiting()
    go()
    expect(await hub.result(sent)).toMatchObject({ status: 'failed', reason: 'not_detected' })
  })

  it('gets its result immediately if it leaves nothing behind', async () => {
    const { hub } = stage
    const sent = command(countingScript('exit 0'))
    await hub.deploy(sent)
    expect(await hub.result(sent)).toMatchObject({ reason: 'not_detected' })
    expect(hub.reports.deployment_progress.some(({ reason }) => reason === 'verifying')).toBe(false)
  })

  it('ends as soon as the rule confirms it, even if it leaves a service behind', async () => {
    const { hub } = stage
    const sent = command(
      countingScript(`setsid sh -c 'sleep 1; touch "$DEPLOYX_INSTALL_ROOT/tool"; ${WAIT}' &`),
    )
    await hub.deploy(sent)
    expect(await hub.result(sent)).toMatchObject({ status: 'success' })
    expect(existsSync(join(stage.rootPath, 'go'))).toBe(false)
  })

  it('is not waited for longer than its timeout', async () => {
    const { hub } = stage
    const sent = command(bootstrapper('true'), { timeout_seconds: 3 })
    await hub.deploy(sent)
    const result = await hub.result(sent)
    expect(result).toMatchObject({ status: 'failed', reason: 'not_detected' })
    expect(result.message).toContain('Programs that it started were still running.')
  })

  it('is waited for until a user cancels', async () => {
    const { hub } = stage
    const sent = command(bootstrapper('true'))
    await hub.deploy(sent)
    await untilWaiting()
    expect(await hub.cancel(sent)).toEqual({ accepted: true })
    expect(await hub.result(sent)).toMatchObject({ status: 'failed', reason: 'not_detected' })
  })
})
