/**
 * Real .rpm packages, built here, into a temporary root. Needs root, rpm and rpmbuild; prints a warning if
 * they are missing.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeployPayload } from '#shared/contract/agent/link.ts'
import { makeFolder } from '../../test-kit/agent-process.ts'
import { buildRpm } from '../../test-kit/rpm.ts'
import { setStage, type Stage } from '../../test-kit/stage.ts'

const mayRun =
  process.getuid?.() === 0 &&
  spawnSync('rpm', ['--version']).status === 0 &&
  spawnSync('rpmbuild', ['--version']).status === 0
if (!mayRun) process.stderr.write('SKIPPED: .rpm packages (needs root, rpm and rpmbuild)\n')

let stage: Stage
let work: ReturnType<typeof makeFolder>
beforeEach(async () => {
  stage = await setStage()
  work = makeFolder()
})
afterEach(async () => {
  await stage.clear()
  work.remove()
})

describe.runIf(mayRun)('an .rpm package', () => {
  const name = 'deployx-test-rpm'
  const payload = (content: Buffer, more: Partial<DeployPayload> = {}) =>
    stage.hub.payload({
      content,
      kind: 'rpm',
      file_name: `${name}.rpm`,
      detection: { type: 'rpm', name, operator: 'ge', version: '1.9' },
      ...more,
    })
  async function deploy(command: DeployPayload) {
    expect(await stage.hub.deploy(command)).toEqual({ accepted: true })
    return stage.hub.result(command)
  }

  it('is installed, detected, upgraded and removed', async () => {
    await stage.connect()
    const old = buildRpm(work.path, { name, version: '1.2' })
    expect(await deploy(payload(old))).toMatchObject({ status: 'failed', reason: 'not_detected' })
    expect(existsSync(join(stage.rootPath, 'opt', name))).toBe(true)
    const newer = buildRpm(work.path, { name, version: '1.10' })
    expect(await deploy(payload(newer))).toMatchObject({ status: 'success', exit_code: 0 })
    expect(await deploy(payload(newer))).toMatchObject({ status: 'skipped' })
    const rule = { type: 'rpm', name, operator: 'ge' } as const
    const removal = payload(newer, { action: 'uninstall', detection: rule })
    expect(await deploy(removal)).toMatchObject({ status: 'success' })
    expect(existsSync(join(stage.rootPath, 'opt', name))).toBe(false)
  })

  it('is refused if it is a text file, which rpm would read as a list of packages', async () => {
    await stage.connect()
    expect(await deploy(payload(Buffer.from('/etc/passwd\n')))).toMatchObject({
      status: 'failed',
      message: 'The file is not an .rpm package.',
    })
  })
})
