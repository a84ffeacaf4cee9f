/** Uploads that do not finish: they are cut off, are too large, or there is no room. The requests are written by hand. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { until } from '#shared/test-kit/until.ts'
import { keptUploads } from '../../test-kit/kept-uploads.ts'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const SCRIPT = '#!/bin/sh\nexit 0\n'
let t: TestController
beforeAll(async () => {
  t = await startTestController()
})
afterAll(() => t.stop())

const { clear, contentFiles, nothingKept } = keptUploads(() => t)
beforeEach(clear)

const headLines = (url: URL, to: TestController, length: string): string =>
  [
    'POST /software HTTP/1.1',
    `host: ${url.host}`,
    `authorization: Bearer ${to.session.token}`,
    'content-type: multipart/form-data; boundary=xyz',
    length,
    '',
    '',
  ].join('\r\n')
/** A hand-written request, so that a test can break it off anywhere. */
async function openRaw(contentLength: number, to = t): Promise<Socket> {
  const url = new URL(to.controller.consoleUrl)
  const socket = connect(Number(url.port), url.hostname)
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  socket.write(headLines(url, to, `content-length: ${contentLength}`))
  return socket
}
const HEAD = '--xyz\r\ncontent-disposition: form-data; name="file"; filename="a.sh"\r\n\r\n'
const answerTo = async (socket: Socket): Promise<string> => {
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  await Promise.race([once(socket, 'data'), once(socket, 'close')])
  await new Promise((resolve) => setTimeout(resolve, 50))
  return Buffer.concat(pieces).toString()
}

describe('an upload that is cut off', () => {
  const sent = Buffer.concat([Buffer.from(HEAD + SCRIPT), randomBytes(2 * 1024 * 1024)])

  it.each([
    ['in the middle of its file', sent],
    ['within the headers of its file', Buffer.from(HEAD.slice(0, 30))],
    ['before its first byte', Buffer.alloc(0)],
    [
      'after its file',
      Buffer.concat([sent, Buffer.from('\r\n--xyz\r\ncontent-disposition: form')]),
    ],
  ])('%s leaves nothing', async (_where, bytes) => {
    const socket = await openRaw(bytes.length + 1000)
    socket.write(bytes)
    if (bytes.length > 1000) await until('its file is there', () => contentFiles().length === 1)
    else await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    await until('its file is deleted', () => contentFiles().length === 0)
    await nothingKept()
    // And the next one succeeds.
    expect((await t.rest.upload('/software', { name: 'a.sh', bytes: SCRIPT })).status).toBe(200)
  })

  it('by ending early, although all announced bytes came, gets an error', async () => {
    const socket = await openRaw(sent.length)
    socket.write(sent)
    expect(await answerTo(socket)).toContain('E_UPLOAD_ABORTED')
    socket.destroy()
    await nothingKept()
  })

  it('because the controller stops does not delay the stop', async () => {
    const own = await startTestController()
    const socket = await openRaw(100_000_000, own)
    socket.write(sent)
    const incoming = join(own.dataDir, 'content', 'tmp')
    await until('it is received', () => readdirSync(incoming).length === 1)
    const goOn = setInterval(() => socket.write('x'), 50)
    const startedMs = Date.now()
    await own.stop()
    clearInterval(goOn)
    socket.destroy()
    expect(Date.now() - startedMs).toBeLessThan(20_000)
  })
})

describe('an upload that is announced as larger than the limit', () => {
  it('is refused before a byte is sent', async () => {
    const socket = await openRaw(17 * 1024 ** 3)
    const answer = await answerTo(socket)
    expect(answer).toContain('413')
    expect(answer).toContain('E_TOO_LARGE')
    socket.destroy()
    await nothingKept()
  })
})

const canMount = process.platform === 'linux' && process.getuid?.() === 0
if (!canMount)
  process.stderr.write('SKIPPED: the small-disk test needs Linux and root, to mount a tmpfs\n')

describe.skipIf(!canMount)('a disk with too little room', () => {
  const MIB = 1024 * 1024
  let mount: string
  let small: TestController
  beforeAll(async () => {
    mount = mkdtempSync(join(tmpdir(), 'deployx-small-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=100m,mode=0700', 'tmpfs', mount])
    small = await startTestController({ dataDir: join(mount, 'data') })
  })
  afterAll(async () => {
    await small.stop()
    execFileSync('umount', [mount])
    rmSync(mount, { recursive: true })
  })

  it('refuses what does not fit when its first bytes arrive, and accepts what fits', async () => {
    const socket = await openRaw(80 * MIB, small)
    socket.write(HEAD + SCRIPT.repeat(100))
    const answer = await answerTo(socket)
    expect(answer).toContain('507')
    expect(answer).toContain('E_DISK_FULL')
    socket.destroy()
    const reply = await small.rest.upload('/software', { name: 'a.sh', bytes: SCRIPT })
    expect(reply.status).toBe(200)
  })

  it('stops an upload of unknown length before the database runs out of room', async () => {
    const url = new URL(small.controller.consoleUrl)
    const socket = connect(Number(url.port), url.hostname)
    socket.on('error', () => undefined)
    const chunk = (bytes: Buffer | string) => {
      socket.write(`${Buffer.byteLength(bytes).toString(16)}\r\n`)
      socket.write(bytes)
      return socket.write('\r\n')
    }
    socket.write(headLines(url, small, 'transfer-encoding: chunked'))
    const answer = answerTo(socket)
    chunk(HEAD)
    for (let sent = 0; sent < 80 && !socket.destroyed; sent++)
      if (!chunk(Buffer.alloc(MIB))) await Promise.race([once(socket, 'drain'), answer])
    expect(await answer).toContain('E_DISK_FULL')
    socket.destroy()
    expect((await small.rest.call('software.list', {})).software).toHaveLength(1)
    expect(readdirSync(join(small.dataDir, 'content', 'tmp'))).toEqual([])
  })
})
