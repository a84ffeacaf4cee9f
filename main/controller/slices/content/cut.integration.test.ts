/**
 * The running downloads of a blocked or removed PC are aborted, and those of other PCs continue.
 * Over TLS, with a real hub.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { Writable } from 'node:stream'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Software } from '#shared/contract/rest/software.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const KIB = 1024
const bytes = randomBytes(24 * KIB * KIB)
// A script does not begin with a null byte.
bytes.write('#!/bin/sh\n')
const sha256 = createHash('sha256').update(bytes).digest('hex')

let t: TestController
let logged: string
let open: Download[]
beforeEach(async () => {
  logged = ''
  open = []
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString()
      done()
    },
  })
  t = await startTestController({ log: pino({ level: 'info' }, sink) })
})
afterEach(async () => {
  open.forEach((download) => download.leave())
  await t.stop()
})

type Download = {
  bytes: () => number
  /** Status and hash of the whole body; rejects if the connection breaks. */
  ended: Promise<string>
  leave: () => void
}
function fetchFrom(path: string, isReading = true): Download {
  let received = 0
  const call = request({
    host: '127.0.0.1',
    port: t.hub.port,
    path,
    agent: false,
    ca: t.hub.cert,
    servername: 'deployx.invalid',
  })
  const ended = new Promise<string>((resolve, reject) => {
    call.on('response', (response: IncomingMessage) => {
      const hash = createHash('sha256')
      response.on('data', (piece: Buffer) => {
        received += piece.length
        hash.update(piece)
        if (!isReading) response.pause()
      })
      response.on('error', reject)
      response.on('end', () => resolve(`${response.statusCode} ${hash.digest('hex')}`))
    })
    call.on('error', reject)
  })
  ended.catch(() => undefined)
  call.end()
  const download = { bytes: () => received, ended, leave: () => void call.destroy() }
  open.push(download)
  return download
}

/** PCs with a command to download the package, and its URL. */
async function tickets(names: string[]): Promise<{ id: number; path: string }[]> {
  const uploaded = await t.rest.upload('/software', { name: 'big.sh', bytes })
  const software = uploaded.body as Software
  const commands: Promise<{ id: number; path: string }>[] = []
  const ids: number[] = []
  for (const name of names) {
    const identity = await t.enroll(name)
    const id = identity.deviceId
    ids.push(id)
    let onCommand = (_path: string): void => {}
    commands.push(new Promise((resolve) => (onCommand = (path) => resolve({ id, path }))))
    await t.connect(identity, {
      onCommand: (command) => {
        if (command.action === 'install') onCommand(command.url)
      },
    })
  }
  const body = { name: 'big', software_ids: [software.id], device_ids: ids }
  expect((await t.rest.raw('POST', '/deployments/create', body)).status).toBe(200)
  return Promise.all(commands)
}
const actions = {
  blocked: (id: number) => t.rest.raw('POST', `/devices/${id}/block`),
  removed: (id: number) => t.rest.raw('DELETE', `/devices/${id}`),
}
const limitSpeed = (kib: number | null) =>
  t.rest.call('settings.update', { body: { bandwidth_device_kib_s: kib } })
const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe.each(['blocked', 'removed'] as const)('a PC that is %s', (action) => {
  it('has its downloads aborted immediately, its tickets are invalid, and other downloads continue', async () => {
    const [first, second] = await tickets(['LAB-01', 'LAB-02'])
    await limitSpeed(512)
    const [one, another, staying] = [
      fetchFrom(first!.path),
      fetchFrom(first!.path),
      fetchFrom(second!.path),
    ]
    await expect.poll(() => open.every((download) => download.bytes() > 0)).toBe(true)

    expect((await actions[action](first!.id)).status).toBeLessThan(300)
    await expect(one.ended).rejects.toThrow(/aborted|ECONNRESET|hang up/)
    await expect(another.ended).rejects.toThrow(/aborted|ECONNRESET|hang up/)
    expect(one.bytes() + another.bytes()).toBeLessThan(bytes.length / 2)

    expect(await fetchFrom(first!.path).ended).toMatch(/^403 /)
    expect(logged).toMatch(/"downloads":2.*its downloads were aborted/)
    expect(logged).not.toContain('a download was aborted')

    const before = staying.bytes()
    await wait(300)
    expect(staying.bytes()).toBeGreaterThan(before)
    await limitSpeed(null)
    expect(await staying.ended).toBe(`200 ${sha256}`)
  })

  it('has a download aborted that it does not read, even without a speed limit', async () => {
    const [{ id, path } = { id: 0, path: '' }] = await tickets(['LAB-01'])
    const stalled = fetchFrom(path, false)
    await expect.poll(() => stalled.bytes()).toBeGreaterThan(0)
    await actions[action](id)
    await expect.poll(() => logged).toMatch(/"downloads":1.*its downloads were aborted/)
    await expect(fetchFrom(path).ended).resolves.toMatch(/^403 /)
  })
})
