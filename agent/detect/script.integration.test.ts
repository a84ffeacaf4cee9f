/** Detection by a script's exit code, alone and with a real agent. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Detection } from '#shared/contract/detection.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { isPidAlive, setStage, type Stage } from '../test-kit/stage.ts'
import { readFileSync } from 'node:fs'
import { detectByScript } from './script.ts'

const sh = (text: string): Extract<Detection, { type: 'script' }> => ({
  type: 'script',
  interpreter: 'sh',
  text,
})

describe('a detection script', () => {
  let work: ReturnType<typeof makeFolder>
  beforeEach(() => {
    work = makeFolder()
  })
  afterEach(() => work.remove())
  const detect = (rule: Parameters<typeof detectByScript>[0], timeoutMs = 10_000) =>
    detectByScript(rule, { scratchDir: work.path, installRoot: null, timeoutMs })

  it.each([
    ['exit 0', 'present'],
    ['exit 1', 'absent'],
    ['exit 2', 'unknown'],
    ['kill -9 $$', 'unknown'],
    ['no-such-command-here', 'unknown'],
    ['#!/nonexistent/python\n', 'unknown'],
  ])('%j: %s', async (text, presence) => {
    expect(await detect(sh(text))).toBe(presence)
    expect(readdirSync(work.path)).toEqual([])
  })

  it('has the environment of an installer, a private folder, and an empty stdin', async () => {
    process.env['SECRET_OF_THE_AGENT'] = 'x'
    const text = `[ -z "$SECRET_OF_THE_AGENT" ] && [ "$LC_ALL" = C.UTF-8 ] || exit 5
case "$PWD" in ${work.path}/detect-*) ;; *) exit 6;; esac
read line && exit 7
[ "$(stat -c %a .)" = 700 ]`
    expect(await detect(sh(text))).toBe('present')
    delete process.env['SECRET_OF_THE_AGENT']
  })

  it('that does not end is killed with its child processes, and the result is unknown', async () => {
    const pidFile = join(work.path, 'pid')
    const text = `setsid sh -c 'echo $$ > ${pidFile}; sleep 300' & sleep 300`
    expect(await detect(sh(text), 1_000)).toBe('unknown')
    expect(isPidAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
  })

  it('for another platform is unknown', async () => {
    expect(await detect({ type: 'script', interpreter: 'cmd', text: 'exit 0' })).toBe('unknown')
    expect(await detect({ type: 'script', interpreter: 'powershell', text: 'exit 0' })).toBe(
      'unknown',
    )
  })
})

describe('an agent', () => {
  let stage: Stage
  beforeEach(async () => {
    stage = await setStage()
    await stage.connect()
  })
  afterEach(() => stage.clear())
  const rule = sh('test -e "$DEPLOYX_INSTALL_ROOT/tool"')

  it('runs the script before an installation, which it may skip, and after it, to verify it', async () => {
    const { hub, rootPath } = stage
    const deploy = async (line: string, action: 'install' | 'uninstall' = 'install') => {
      const content = Buffer.from(`#!/bin/sh\n${line}\n`)
      const command = hub.payload({ content, detection: rule, action })
      await hub.deploy(command)
      return hub.result(command)
    }
    expect(await deploy('true')).toMatchObject({ status: 'failed', reason: 'not_detected' })
    expect(await deploy('touch "$DEPLOYX_INSTALL_ROOT/tool"')).toMatchObject({ status: 'success' })
    expect(await deploy('touch "$DEPLOYX_INSTALL_ROOT/again"')).toMatchObject({
      status: 'skipped',
      reason: 'already_installed',
    })
    expect(existsSync(join(rootPath, 'again'))).toBe(false)
  })

  it('runs the script for a preview too, with a short timeout', async () => {
    const { hub, rootPath } = stage
    mkdirSync(rootPath, { recursive: true })
    writeFileSync(join(rootPath, 'tool'), '')
    const startedAt = performance.now()
    const answer = await hub.inspect({ detections: [rule, sh('exit 1'), sh('sleep 60'), rule] })
    expect(answer).toMatchObject({
      ok: true,
      presences: ['present', 'absent', 'unknown', 'unknown'],
    })
    expect(performance.now() - startedAt).toBeLessThan(30_000)
  })
})
