/**
 * The real agent and the real controller: the controller shows what is on the PC, even if either
 * side has lost data.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { DeviceInventory } from '#shared/contract/inventory.ts'
import type { DeviceId, SoftwareId } from '#shared/domain/ids.ts'
import { until as waitUntil } from '#shared/test-kit/until.ts'
import { CONTROL } from '../../test-kit/packages.ts'
import { startRealAgent, type RealAgent } from '../../test-kit/real-agent.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const PROBE = { name: 'deployx-probe', version: '1:2.10-3~test', publisher: 'Ann Onym' }
/** An agent takes its inventory some seconds after it connects, and after each attempt. */

let t: TestController
let agent: RealAgent
let id: DeviceId
let folder: string
beforeEach(async () => {
  t = await startTestController({
    timings: { presence: { connectGraceMs: 0, offlineAfterMs: 0 }, engine: { heartbeatMs: 200 } },
  })
  folder = mkdtempSync(join(tmpdir(), 'deployx-inventory-'))
  const { code } = await t.rest.call('enrollments.create', { body: {} })
  agent = startRealAgent('PC-1', code)
  id = (await until('it is enrolled', async () => {
    const { devices } = await t.rest.call('devices.list', {})
    return devices.find((d) => d.online)?.id
  }))!
})
afterEach(async () => {
  await agent.remove()
  await t.stop()
  rmSync(folder, { recursive: true, force: true })
})

const until = <T>(what: string, check: () => Promise<T | undefined | false>) =>
  waitUntil(what, check, { details: () => agent.output() })
const shows = (what: string, is: (inventory: DeviceInventory) => boolean) =>
  until(what, async () => {
    const inventory = await t.rest.call('devices.inventory', { params: { id } })
    return is(inventory) && inventory
  })
/** A package that dpkg installs. */
function buildDeb(): Uint8Array<ArrayBuffer> {
  const [source, file] = [join(folder, 'deb'), join(folder, 'probe.deb')]
  mkdirSync(join(source, 'DEBIAN'), { recursive: true })
  writeFileSync(join(source, 'DEBIAN', 'control'), CONTROL.replace(': amd64', ': all'))
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', source, file])
  return new Uint8Array(readFileSync(file))
}
const hasProbe = ({ software }: DeviceInventory): boolean =>
  software?.some((entry) => entry.name === PROBE.name) ?? false

async function deploy(softwareId: SoftwareId): Promise<void> {
  const { deployment_id } = await t.rest.call('deployments.create', {
    body: { name: 'x', software_ids: [softwareId], device_ids: [id] },
  })
  await until('the deployment ends', async () => {
    const { status } = await t.rest.call('deployments.get', { params: { id: deployment_id } })
    return status === 'completed'
  })
}

it('shows what is installed, even after the controller was restored to an older database', async () => {
  const first = await shows('an inventory', ({ collected_at }) => collected_at !== null)
  expect(first.software).toEqual([])
  expect(first.hardware!.memory_bytes).toBeGreaterThan(0)
  expect(first.os!.name).not.toBe('')

  const older = join(folder, 'older.db')
  const live = new Database(join(t.dataDir, 'deployx.db'), { readonly: true })
  await live.backup(older)
  live.close()

  const uploaded = await t.rest.upload('/software', { name: 'probe.deb', bytes: buildDeb() })
  await deploy((uploaded.body as { id: SoftwareId }).id)
  const second = await shows('the package', hasProbe)
  expect(second.software).toMatchObject([PROBE])
  expect(second.hardware).toEqual(first.hardware)

  await t.controller.stop()
  for (const end of ['-wal', '-shm']) rmSync(join(t.dataDir, `deployx.db${end}`), { force: true })
  copyFileSync(older, join(t.dataDir, 'deployx.db'))
  await t.restart()
  expect((await t.rest.call('devices.inventory', { params: { id } })).software).toEqual([])
  await until('the agent is back', async () => {
    return (await t.rest.call('devices.get', { params: { id } })).online
  })
  // After an attempt the agent checks immediately; after connecting it waits up to a minute, to
  // spread the load of an office.
  await deploy((await t.addScript('nudge')).id)
  expect((await shows('the package again', hasProbe)).software).toMatchObject([PROBE])
})
