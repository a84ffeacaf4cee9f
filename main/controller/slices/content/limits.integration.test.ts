/**
 * Bandwidth limits at a real hub: HTTPS downloads of several devices, set and changed over REST
 * while they run.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ClientRequest } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const KIB = 1024
const MIB = 1024 * KIB
const AGENT = 'deployx-agent-linux-x64'
/** Allows for the initial burst of a limit. A busy machine only transfers less. */
const TOO_MUCH = 1.25

let t: TestController
let agentsDir: string
let open: Download[]
const bytes = randomBytes(24 * MIB)
// A script does not begin with a null byte.
bytes.write('#!/bin/sh\n')
const sha256 = createHash('sha256').update(bytes).digest('hex')

beforeEach(async () => {
  agentsDir = mkdtempSync(join(tmpdir(), 'deployx-limits-'))
  writeFileSync(join(agentsDir, AGENT), bytes)
  writeFileSync(join(agentsDir, 'SHA256SUMS'), `${sha256}  ${AGENT}\n`)
  t = await startTestController({ agentsDir })
  open = []
})
afterEach(async () => {
  open.forEach((download) => download.leave())
  await t.stop()
  rmSync(agentsDir, { recursive: true, force: true })
})

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const limit = (change: { bandwidth_hub_kib_s?: number | null; bandwidth_device_kib_s?: number }) =>
  t.rest.call('settings.update', { body: change })

type Download = {
  bytes: () => number
  /** The hash of the whole body. */
  ended: Promise<string>
  leave: () => void
  pause: () => void
}
function fetchFrom(path: string): Download {
  let received = 0
  let call: ClientRequest | undefined
  let pause = () => {}
  const ended = new Promise<string>((resolve, reject) => {
    call = request(
      { host: '127.0.0.1', port: t.hub.port, path, agent: false, rejectUnauthorized: false },
      (response) => {
        pause = () => response.pause()
        const hash = createHash('sha256')
        response.on('data', (piece: Buffer) => {
          received += piece.length
          hash.update(piece)
        })
        response.on('error', reject)
        response.on('end', () => resolve(`${response.statusCode} ${hash.digest('hex')}`))
      },
    )
    call.on('error', reject)
    call.end()
  })
  ended.catch(() => undefined)
  const download = {
    bytes: () => received,
    ended,
    leave: () => void call?.destroy(),
    pause: () => pause(),
  }
  open.push(download)
  return download
}

/** Devices with a command to download the package, and its URL. */
async function ticketsOf(names: string[]): Promise<string[]> {
  const uploaded = await t.rest.upload('/software', { name: 'big.sh', bytes })
  expect(uploaded.status, JSON.stringify(uploaded.body)).toBe(200)
  const software = uploaded.body as { id: number }
  const paths: Promise<string>[] = []
  const ids: number[] = []
  for (const name of names) {
    const identity = await t.enroll(name)
    ids.push(identity.deviceId)
    let onCommand = (_path: string) => {}
    paths.push(new Promise((resolve) => (onCommand = resolve)))
    await t.connect(identity, {
      onCommand: (command) => {
        if (command.action === 'install') onCommand(command.url)
      },
    })
  }
  const body = { name: 'big', software_ids: [software.id], device_ids: ids }
  expect((await t.rest.raw('POST', '/deployments/create', body)).status).toBe(200)
  return Promise.all(paths)
}

it("the hub's limit applies to all devices together, and each gets its share", async () => {
  const paths = await ticketsOf(['LAB-01', 'LAB-02', 'LAB-03'])
  await limit({ bandwidth_hub_kib_s: 900 })
  const startMs = performance.now()
  const downloads = paths.map(fetchFrom)
  await wait(4_000)
  const seconds = (performance.now() - startMs) / 1000
  const each = downloads.map((download) => download.bytes())
  const all = each.reduce((sum, n) => sum + n, 0)
  expect(all).toBeLessThan(900 * KIB * seconds * TOO_MUCH)
  expect(all).toBeGreaterThan(900 * KIB * seconds * 0.5)
  for (const n of each) expect(n).toBeGreaterThan((all / 3) * 0.7)
})

it("a device's limit applies to it alone, and a stalled reader does not slow down the others", async () => {
  const [path1, path2, path3] = await ticketsOf(['LAB-01', 'LAB-02', 'LAB-03'])
  await limit({ bandwidth_hub_kib_s: 1200, bandwidth_device_kib_s: 500 })
  const stalled = fetchFrom(path3!)
  await expect.poll(() => stalled.bytes()).toBeGreaterThan(0)
  stalled.pause()
  const startMs = performance.now()
  const downloads = [fetchFrom(path1!), fetchFrom(path1!), fetchFrom(path2!)]
  await wait(4_000)
  const seconds = (performance.now() - startMs) / 1000
  const [a, b, c] = downloads.map((download) => download.bytes())
  for (const n of [a! + b!, c!]) {
    expect(n).toBeLessThan(500 * KIB * seconds * TOO_MUCH)
    expect(n).toBeGreaterThan(500 * KIB * seconds * 0.5)
  }
})

it('removing a limit during a download speeds it up, and every byte is correct', async () => {
  const [path] = await ticketsOf(['LAB-01'])
  await limit({ bandwidth_hub_kib_s: 64 })
  const download = fetchFrom(path!)
  await wait(1_500)
  expect(download.bytes()).toBeLessThan(64 * KIB * 3)
  await limit({ bandwidth_hub_kib_s: 4096 })
  await expect.poll(() => download.bytes()).toBeGreaterThan(2 * MIB)
  await limit({ bandwidth_hub_kib_s: null })
  expect(await download.ended).toBe(`200 ${sha256}`)
})

it('setting a limit during a download slows it down immediately', async () => {
  const [path] = await ticketsOf(['LAB-01'])
  await limit({ bandwidth_hub_kib_s: 6 * 1024 })
  const download = fetchFrom(path!)
  await expect.poll(() => download.bytes()).toBeGreaterThan(2 * MIB)
  await limit({ bandwidth_hub_kib_s: 64 })
  // Bytes already in transit.
  await wait(200)
  const before = download.bytes()
  await wait(3_000)
  expect(download.bytes() - before).toBeLessThan(64 * KIB * 3 * TOO_MUCH + MIB)
  expect(download.bytes()).toBeGreaterThan(before)
})

it('a download that ends frees its share', async () => {
  const [path1, path2] = await ticketsOf(['LAB-01', 'LAB-02'])
  await limit({ bandwidth_hub_kib_s: 256 })
  const staying = fetchFrom(path1!)
  const leaving = Array.from({ length: 20 }, () => fetchFrom(path2!))
  await expect.poll(() => leaving.every((one) => one.bytes() > 0)).toBe(true)
  leaving.forEach((one) => one.leave())
  await wait(300)
  const before = staying.bytes()
  const startMs = performance.now()
  await wait(3_000)
  const seconds = (performance.now() - startMs) / 1000
  // Alone it has the whole rate instead of half of it.
  expect(staying.bytes() - before).toBeGreaterThan(256 * KIB * seconds * 0.7)
  await limit({ bandwidth_hub_kib_s: null })
  expect(await staying.ended).toBe(`200 ${sha256}`)
})

it("the agent’s own program counts towards the hub's limit, not a device's", async () => {
  await limit({ bandwidth_hub_kib_s: 1024, bandwidth_device_kib_s: 64 })
  const startMs = performance.now()
  const downloads = [fetchFrom(`/agent/download/${AGENT}`), fetchFrom(`/agent/download/${AGENT}`)]
  await wait(3_000)
  const seconds = (performance.now() - startMs) / 1000
  const all = downloads.reduce((sum, one) => sum + one.bytes(), 0)
  expect(all).toBeLessThan(1024 * KIB * seconds * TOO_MUCH)
  expect(all).toBeGreaterThan(2 * 64 * KIB * seconds * TOO_MUCH)
  await limit({ bandwidth_hub_kib_s: null })
  for (const one of downloads) expect(await one.ended).toBe(`200 ${sha256}`)
})
