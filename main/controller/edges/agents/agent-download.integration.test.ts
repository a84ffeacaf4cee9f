/** The hub serves only the listed agent files; the copied commands contain their hashes. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startTestController, type TestController } from '../../test-kit/test-controller.ts'

const BYTES = Buffer.alloc(300_000, 'agent')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const NAMES = ['deployx-agent-linux-x64', 'deployx-agent-win-x64.exe']

let dir: string
let t: TestController
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'deployx-agents-'))
  for (const name of NAMES) writeFileSync(join(dir, name), BYTES)
  writeFileSync(join(dir, 'secret'), 'not public')
  const sums = [...NAMES.map((name) => `${SHA256}  ${name}`), `${SHA256}  ../secret`]
  writeFileSync(join(dir, 'SHA256SUMS'), `${sums.join('\n')}\n`)
  t = await startTestController({ agentsDir: dir })
})
afterEach(async () => {
  await t.stop()
  rmSync(dir, { recursive: true, force: true })
})

function get(path: string, method = 'GET'): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port: t.hub.port, path, method, rejectUnauthorized: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode!, body: Buffer.concat(chunks) }),
        )
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}

it('serves every listed file, byte for byte', async () => {
  for (const name of NAMES) {
    const { status, body } = await get(`/agent/download/${name}`)
    expect(status).toBe(200)
    expect(createHash('sha256').update(body).digest('hex')).toBe(SHA256)
  }
})

it.each([
  'secret',
  '../secret',
  '..%2fsecret',
  'SHA256SUMS',
  '',
  'deployx-agent-linux-x64/',
  '%00',
])('serves nothing under the name %j', async (name) => {
  const { status, body } = await get(`/agent/download/${name}`)
  expect(status).toBe(404)
  expect(body.toString()).not.toContain('not public')
})

it('accepts no other method', async () => {
  expect((await get(`/agent/download/${NAMES[0]}`, 'POST')).status).toBe(404)
})

it("puts the file's hash into the command, and falls back when the file is missing", async () => {
  const { code, commands } = await t.rest.call('enrollments.create', { body: {} })
  for (const line of [commands.linux, commands.windows]) {
    expect(line).toContain(SHA256)
    expect(line).toContain(`https://127.0.0.1:${t.hub.port}/agent/download/`)
    expect(line).toContain(`install-service --code ${code}`)
    expect(line).not.toContain('\n')
  }
  expect(commands.macos).not.toContain('/agent/download/')
  expect(commands.macos).toContain(`./deployx-agent install-service --code ${code}`)
})

it('refuses a file whose hash does not match its list entry, until it is restored', async () => {
  const name = NAMES[0]!
  const damaged = Buffer.from(BYTES)
  damaged[BYTES.length - 1] = 0
  writeFileSync(join(dir, name), damaged)
  const { status, body } = await get(`/agent/download/${name}`)
  expect(status).toBe(404)
  expect(body.toString()).toContain('damaged on the controller')
  expect((await get(`/agent/download/${NAMES[1]!}`)).status).toBe(200)
  writeFileSync(join(dir, name), BYTES)
  expect((await get(`/agent/download/${name}`)).status).toBe(200)
})
