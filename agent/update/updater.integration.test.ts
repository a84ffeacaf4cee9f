/** The updater with real files and a real server; scripts of a few lines stand in for the executables. */
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#shared/node/clock.ts'
import { systemRandom } from '#shared/node/random.ts'
import { commandText } from '#shared/contract/agent/link.ts'
import { updateText, type UpdatePayload } from '#shared/contract/agent/update.ts'
import { Fingerprint, Sha256, type DeviceId } from '#shared/domain/ids.ts'
import { coded, readCoded } from '#shared/domain/coded-texts/codes.ts'
import { until } from '#shared/test-kit/until.ts'
import { makeFolder } from '../test-kit/agent-process.ts'
import { placesOf, type Places, type UpdateObstacle } from './places.ts'
import { createUpdater, type Updater } from './updater.ts'

const FILE_NAME = 'deployx-agent-linux-x64'
const OWN = '0.1.0'
const program = (version: string, state = 'echo ok'): Buffer =>
  Buffer.from(`#!/bin/sh\ncase $1 in --version) echo ${version};; check-state) ${state};; esac\n`)

describe.skipIf(process.platform === 'win32')('an order to update the agent', () => {
  const keys = generateKeyPairSync('ed25519')
  let folder: { path: string; remove: () => void }
  let places: Places
  let server: Server
  let served: Buffer
  let stop: AbortController
  let highest: number
  let isBusy: boolean
  let swapped: () => void
  let whenSwapped: Promise<void>
  let reports: number
  let updater: Updater

  /** Starts the agent of this PC again. */
  function begin(obstacle: UpdateObstacle | null = null, ownVersion = OWN): void {
    stop?.abort(new Error('the next one starts'))
    stop = new AbortController()
    whenSwapped = new Promise((resolve) => (swapped = resolve))
    updater = createUpdater({
      places,
      obstacle,
      ownVersion,
      ownFileName: FILE_NAME,
      recordFile: join(folder.path, 'update.json'),
      damage: { note: () => undefined },
      statePath: folder.path,
      enrollment: () => ({
        device_id: 1 as DeviceId,
        command_key: keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
        key_id: 'key',
        recovery_key: null,
        generation: 0,
        epoch: 0,
        fingerprint: Fingerprint.parse(`sha256/${'A'.repeat(43)}=`),
        addresses: [],
        secret_hash: '',
      }),
      journal: {
        highestSequence: () => highest,
        raiseSequence: (sequence) => void (highest = Math.max(highest, sequence)),
      },
      hold: () => (isBusy ? null : () => undefined),
      source: (url) =>
        Promise.resolve({
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${url}`,
          allowPrivate: true,
        }),
      stopped: stop.signal,
      clock: systemClock,
      random: systemRandom,
      onSwapped: () => swapped(),
      reportFacts: () => void reports++,
      log: pino({ level: 'silent' }),
    })
    updater.start()
  }
  const payload = (part: Partial<UpdatePayload> = {}): UpdatePayload => ({
    device_id: 1 as DeviceId,
    sequence: highest + 1,
    issued_at: new Date().toISOString(),
    version: '0.2.0',
    file_name: FILE_NAME,
    sha256: Sha256.parse(createHash('sha256').update(served).digest('hex')),
    size_bytes: served.length,
    url: `/agent/download/${FILE_NAME}`,
    ...part,
  })
  const seal = (order: unknown, purpose = updateText, key = keys.privateKey) => {
    const text = JSON.stringify(order)
    const signature = sign(null, Buffer.from(purpose(text)), key).toString('base64')
    return { version: 'for people', envelope: { payload: text, signature, key_id: 'key' } }
  }
  const order = (part: Partial<UpdatePayload> = {}) => updater.command(seal(payload(part)))
  const failure = (): Promise<string> =>
    until('it has failed', () => {
      const { last } = updater.facts()
      return last?.state === 'failed' && readCoded(last.code, last.params) && last.message
    })
  const untouched = (): void => {
    expect(readFileSync(places.executable)).toEqual(program(OWN))
    expect(readdirSync(places.folder).sort()).toEqual(['deployx-agent'])
  }

  beforeEach(async () => {
    folder = makeFolder()
    mkdirSync(join(folder.path, 'bin'))
    places = placesOf(join(folder.path, 'bin', 'deployx-agent'))
    writeFileSync(places.executable, program(OWN), { mode: 0o755 })
    served = program('0.2.0')
    highest = 5
    isBusy = false
    reports = 0
    server = createServer((request, response) =>
      response
        .writeHead(request.url === `/agent/download/${FILE_NAME}` ? 200 : 404)
        .end(request.url === `/agent/download/${FILE_NAME}` ? served : ''),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    begin()
  })
  afterEach(() => {
    stop.abort(new Error('over'))
    server.close()
    folder.remove()
  })

  it('is carried out: downloads, tests and replaces the executable, and keeps the previous one', async () => {
    expect(order()).toEqual({ accepted: true })
    expect(updater.facts().last).toMatchObject({ version: '0.2.0', state: 'working' })
    await whenSwapped
    expect(readFileSync(places.executable)).toEqual(served)
    expect(lstatSync(places.executable).mode & 0o777).toBe(0o755)
    expect(readFileSync(places.previous)).toEqual(program(OWN))
    expect(readFileSync(places.trial, 'utf8')).toBe('0\n')
  })

  it('waits while software is being installed', async () => {
    isBusy = true
    expect(order()).toEqual({ accepted: true })
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(readFileSync(places.executable)).toEqual(program(OWN))
    isBusy = false
    await whenSwapped
  })

  describe('is refused', () => {
    const why = (body: unknown) => {
      const reply = updater.command(body)
      return reply.accepted ? null : reply.why
    }
    afterEach(untouched)

    it('when it is forged, or signed for another purpose, or for another PC', () => {
      const otherKey = generateKeyPairSync('ed25519').privateKey
      expect(why(seal(payload(), updateText, otherKey))).toBe('bad_signature')
      expect(why(seal(payload(), commandText))).toBe('bad_signature')
      const good = seal(payload())
      const changed = { ...good.envelope, payload: good.envelope.payload.replace('0.2.0', '0.3.0') }
      expect(why({ ...good, envelope: changed })).toBe('bad_signature')
      expect(why(seal(payload({ device_id: 2 as DeviceId })))).toBe('wrong_device')
      expect(why(seal({ ...payload(), sha256: 'x' }))).toBe('malformed')
      expect(why({})).toBe('malformed')
    })

    it('when it was received before', async () => {
      const old = seal(payload({ sequence: 5 }))
      expect(why(old)).toBe('replayed')
      served = Buffer.from('junk')
      const once = seal(payload())
      expect(updater.command(once)).toEqual({ accepted: true })
      await failure()
      expect(why(once)).toBe('replayed')
    })

    it.each(['0.1.0', '0.0.9', '0.1.0-rc.1', 'latest'])(
      'when it names %s: no downgrade',
      (version) => {
        expect(why(seal(payload({ version })))).toBe('unsupported')
      },
    )

    it('when its file is for another type of PC, or has another path', () => {
      expect(why(seal(payload({ file_name: 'deployx-agent-linux-arm64' })))).toBe('unsupported')
      for (const url of ['/content/x', 'http://example.net/x', `/agent/download/../${FILE_NAME}`])
        expect(why(seal(payload({ url })))).toBe('unsupported')
    })

    it('when this is not a service, with the reason', () => {
      begin(coded('update_from_sources', {}))
      expect(order()).toMatchObject({
        why: 'unsupported',
        message: 'It runs from its sources.',
        code: 'update_from_sources',
      })
      expect(updater.facts()).toMatchObject({ obstacle: 'It runs from its sources.', last: null })
    })

    it('while another one is in progress', async () => {
      isBusy = true
      expect(order()).toEqual({ accepted: true })
      expect(order({ version: '0.3.0', sha256: Sha256.parse('b'.repeat(64)) })).toMatchObject({
        why: 'busy',
      })
      // The same order is accepted again: its answer was lost.
      expect(order()).toEqual({ accepted: true })
      stop.abort(new Error('over'))
      rmSync(places.workshop, { recursive: true, force: true })
    })
  })

  describe('fails before anything is touched', () => {
    afterEach(() => {
      untouched()
      expect(reports).toBe(1)
    })

    it('when the wrong bytes are served', async () => {
      const sent = payload()
      served = Buffer.from(served.toString().replace('ok', 'no'))
      expect(updater.command(seal(sent))).toEqual({ accepted: true })
      expect(await failure()).toContain('does not match its SHA-256')
    })

    it('when the executable reports another version', async () => {
      served = program('0.1.9')
      order()
      expect(await failure()).toContain('reports version 0.1.9, not 0.2.0')
    })

    it('when the executable does not start', async () => {
      served = Buffer.from('\x7fELF junk')
      order()
      expect(await failure()).toContain('does not start here')
    })

    it('when the executable cannot read the state that this version has written', async () => {
      served = program('0.2.0', 'echo "journal of the future" >&2; exit 1')
      order()
      expect(await failure()).toContain('journal of the future')
    })

    it('when there is not enough disk space', async () => {
      order({ size_bytes: Number.MAX_SAFE_INTEGER })
      expect(await failure()).toContain('not enough space')
    })
  })

  it('ignores what somebody planted: a folder that is a link, a file that has a second name', async () => {
    const elsewhere = join(folder.path, 'elsewhere')
    mkdirSync(elsewhere)
    const victim = join(elsewhere, 'deployx-agent')
    writeFileSync(victim, 'precious')
    symlinkSync(elsewhere, places.workshop)
    symlinkSync(victim, places.previous)
    symlinkSync(victim, places.trial)
    order()
    await whenSwapped
    expect(readFileSync(victim, 'utf8')).toBe('precious')
    expect(lstatSync(places.workshop).isSymbolicLink()).toBe(false)
    for (const file of [places.executable, places.previous, places.trial])
      expect(lstatSync(file).isFile()).toBe(true)
  })

  it('never uses a file that is already in the folder, however it got there', async () => {
    mkdirSync(places.workshop)
    chmodSync(places.workshop, 0o777)
    writeFileSync(places.next, program('0.2.0', 'touch /nowhere'))
    order()
    await whenSwapped
    expect(readFileSync(places.executable)).toEqual(served)
    expect(lstatSync(places.workshop).mode & 0o777).toBe(0o700)
  })

  it('is resumed by the next start when the agent ended during the download', async () => {
    isBusy = true
    order()
    await new Promise((resolve) => setTimeout(resolve, 300))
    begin()
    isBusy = false
    await whenSwapped
    expect(readFileSync(places.executable)).toEqual(served)
  })

  it('has failed when the old version starts again, and is refused after the second time', async () => {
    for (const reply of [{ accepted: true }, { accepted: true }, { accepted: false }]) {
      expect(order()).toMatchObject(reply)
      if (!reply.accepted) break
      await whenSwapped
      // As start-script.ts does after three starts.
      writeFileSync(places.executable, readFileSync(places.previous))
      rmSync(places.previous)
      rmSync(places.trial)
      writeFileSync(places.verdict, 'starts\n')
      begin()
      expect(await failure()).toContain('did not keep running')
      untouched()
    }
  })

  it('is confirmed by a link that lasts, not by one that ends soon', async () => {
    order()
    await whenSwapped
    begin(null, '0.2.0')
    expect(existsSync(places.trial)).toBe(true)
    updater.linked()
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    updater.unlinked()
    updater.linked()
    await new Promise((resolve) => setTimeout(resolve, 14_500))
    expect(existsSync(places.trial)).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(existsSync(places.trial)).toBe(false)
    expect(existsSync(places.previous)).toBe(false)
    expect(updater.facts().last).toEqual({
      sequence: 6,
      version: '0.2.0',
      state: 'done',
      message: '',
    })
    expect(reports).toBe(1)
  })

  it('is not concluded by the agent that has just replaced the executable', async () => {
    updater.linked()
    order()
    await whenSwapped
    await new Promise((resolve) => setTimeout(resolve, 16_000))
    expect(existsSync(places.trial)).toBe(true)
    expect(existsSync(places.previous)).toBe(true)
  })
})
