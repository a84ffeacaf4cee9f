/** Real mDNS: a hub, a PC and a rogue, each a separate network namespace on one switch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatEnrollmentCode, parseEnrollmentCode } from '#shared/domain/enrollment-code.ts'
import { buildLan, whyNoLan, type Lan } from '../../test-kit/lan.ts'
import { startTestController } from '../../test-kit/test-controller.ts'
import { PROJECT_ROOT, testKitFile } from '../../test-kit/paths.ts'

const why = whyNoLan()
if (why !== null) process.stderr.write(`SKIPPED: discovery on a LAN was not tested here (${why})\n`)

const HOME = '10.77.0.1'
const ELSEWHERE = '10.77.0.91'
const ROGUE = '10.77.0.66'
const PORT = 7480

let folder: string
let lan: Lan
let hub: { fingerprint: string; code: string }
beforeEach(async () => {
  if (why !== null) return
  folder = mkdtempSync(join(tmpdir(), 'deployx-lan-'))
  // The first account can be created only on the controller's own computer, so prepare the data
  // folder outside the LAN.
  const t = await startTestController({ dataDir: join(folder, 'data') })
  const { code } = await t.rest.call('enrollments.create', { body: {} })
  const parts = parseEnrollmentCode(code)!
  hub = {
    fingerprint: t.controller.fingerprint,
    code: formatEnrollmentCode({ ...parts, addresses: [`${HOME}:${PORT}`] }),
  }
  await t.stop()
  lan = buildLan({ hub: HOME, pc: '10.77.0.2', rogue: ROGUE })
})
afterEach(async () => {
  if (why !== null) return
  await lan.remove()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
})

const serve = (...options: string[]) =>
  lan.run('hub', [
    join(PROJECT_ROOT, 'main', 'headless.ts'),
    '--data',
    join(folder, 'data'),
    '--hub-port',
    String(PORT),
    '--console-port',
    '0',
    ...options,
  ])
const agent = (...words: string[]) =>
  lan.run('pc', [
    join(PROJECT_ROOT, 'agent', 'main.ts'),
    ...words,
    '--state',
    join(folder, 'state'),
  ])
const rogue = (claims = hub.fingerprint) =>
  lan.run('rogue', [testKitFile('rogue-advertiser.ts'), ROGUE, claims])

describe.skipIf(why !== null)('on a LAN', () => {
  it('an agent finds its hub under a new address by its key; a rogue that claims that key receives no byte', async () => {
    const first = serve()
    await first.until('Hub ')
    const pc = agent('run', '--code', hub.code, '--name', 'PC')
    await pc.until(`Connected to ${HOME}:${PORT}.`)

    await first.stop()
    await pc.until('Connection lost')
    const liar = rogue()
    await liar.until('listening')
    await liar.until('visit')
    await pc.until('does not show the key of the enrolled controller')

    lan.move('hub', HOME, ELSEWHERE)
    const second = serve()
    await second.until('is advertised by mDNS')
    await pc.until(`Connected to ${ELSEWHERE}:${PORT}.`, 120_000)
    expect(liar.output()).not.toContain('bytes')
    expect(pc.output()).not.toContain(`Connected to ${ROGUE}`)

    // The new address is stored now, so no advertisement is needed.
    await second.stop()
    await pc.stop()
    const third = serve('--no-discovery')
    await third.until('Hub ')
    const again = agent('run')
    await again.until(`Connected to ${ELSEWHERE}:${PORT}.`)
    expect(third.output()).not.toContain('is advertised')
  }, 300_000)

  it('discover finds the hub, even beside a rogue that claims its name and key, and the rogue receives no byte', async () => {
    const liar = rogue()
    await liar.until('listening')
    const first = serve()
    await first.until('is advertised by mDNS')
    const pc = agent('discover', '--name', 'PC')
    await pc.until('Does the console show the same digits?')
    expect(pc.output()).toContain(`${HOME}:${PORT}`)
    expect(pc.output()).toContain(ROGUE)
    expect(pc.output()).toContain(`key ${hub.fingerprint}`)
    expect(pc.output()).toContain(`The controller at ${HOME}:${PORT} answers.`)
    expect(pc.output()).toMatch(/^ {4}\d{3} \d{3}$/m)
    expect(liar.output()).not.toContain('bytes')
  })

  it('discover asks which hub to use when there are two with different keys', async () => {
    await serve().until('is advertised by mDNS')
    const other = rogue(`sha256/${'B'.repeat(43)}=`)
    await other.until('listening')
    const pc = agent('discover', '--name', 'PC')
    await pc.until('Which one? [1-2]')
    pc.type('9')
    await pc.until('No controller was chosen.')
  })

  it('discover prints what to do when no hub is advertised', async () => {
    await serve('--no-discovery').until('Hub ')
    const pc = agent('discover')
    await pc.until('No controller is advertised on this network. Name it with --hub HOST:PORT')
  })
})
