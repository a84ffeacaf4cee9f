/** Only the enrolled controller, for this very link, can turn an agent into a separate device. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hubProofText } from '#shared/contract/agent/link.ts'
import { splitDoneText, splitProofText, splitText } from '#shared/contract/agent/split.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import {
  openIdentity,
  peekIdentity,
  verifies,
  type Enrollment,
  type Identity,
} from '../identity/identity.ts'
import { createSplit } from './split.ts'

const hub = generateKeyPairSync('ed25519')
const otherKey = generateKeyPairSync('ed25519').privateKey
const FINGERPRINT = `sha256/${'A'.repeat(43)}=`
const HUB = 'a'.repeat(64)
const AGENT = 'b'.repeat(64)
const OTHER = 'c'.repeat(64)
const enrollment: Enrollment = {
  device_id: DeviceId.parse(1),
  command_key: hub.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  key_id: 'k',
  recovery_key: null,
  generation: 0,
  epoch: 0,
  fingerprint: FINGERPRINT,
  addresses: ['h:1'],
  secret_hash: 's',
}
const by = (text: string, key: KeyObject = hub.privateKey): string =>
  sign(null, Buffer.from(text), key).toString('base64')

let folder: string
let file: string
let identity: Identity
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployx-split-'))
  file = join(folder, 'identity.json')
  identity = openIdentity(file)
  identity.setEnrollment(enrollment)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))
const split = () => createSplit(identity, { enrollment, hubNonce: HUB, agentNonce: AGENT })

describe('a split', () => {
  it.each([
    ['another key', by(splitText(FINGERPRINT, HUB, AGENT, 1), otherKey)],
    ['another purpose', by(hubProofText(FINGERPRINT, HUB, AGENT, 1))],
    ['another link of this agent', by(splitText(FINGERPRINT, HUB, OTHER, 1))],
    ['another challenge', by(splitText(FINGERPRINT, OTHER, AGENT, 1))],
    ['another device', by(splitText(FINGERPRINT, HUB, AGENT, 2))],
    ['another controller', by(splitText(`sha256/${'B'.repeat(43)}=`, HUB, AGENT, 1))],
    ['no signature', ''],
  ])('changes nothing when the request is signed for or by %s', (_what, signature) => {
    const before = readFileSync(file, 'utf8')
    expect(split().answer({ signature })).toBeNull()
    expect(readFileSync(file, 'utf8')).toBe(before)
  })

  it('answers a genuine request with a key that is stored first, and always with the same key', () => {
    const signature = by(splitText(FINGERPRINT, HUB, AGENT, 1))
    const answer = split().answer({ signature })!
    expect(answer.public_key).not.toBe(identity.publicKey)
    const proof = splitProofText(FINGERPRINT, HUB, AGENT, 1, answer.public_key)
    expect(verifies(answer.public_key, proof, answer.signature)).toBe(true)
    expect(peekIdentity(file)).toMatchObject({
      enrollment: { device_id: 1 },
      next: { enrollment: null },
    })
    // After a power cut it is still the same key.
    identity = openIdentity(file)
    expect(split().answer({ signature })!.public_key).toBe(answer.public_key)
  })

  it('accepts only the device that the controller named for this key', () => {
    const { publicKey } = identity.nextKey()
    const done = (device: number, key: string, signer?: KeyObject) => ({
      device_id: device,
      signature: by(splitDoneText(FINGERPRINT, HUB, AGENT, 1, device, key), signer),
    })
    const before = readFileSync(file, 'utf8')
    expect(split().decide(done(2, identity.publicKey))).toBeNull()
    expect(split().decide(done(2, publicKey, otherKey))).toBeNull()
    expect(split().decide({ ...done(2, publicKey), device_id: 3 })).toBeNull()
    expect(split().decide('nonsense')).toBeNull()
    expect(readFileSync(file, 'utf8')).toBe(before)
    expect(split().decide(done(2, publicKey))).toEqual({ ok: true })
    expect(peekIdentity(file)).toMatchObject({
      enrollment: { device_id: 1 },
      next: { enrollment: { ...enrollment, device_id: 2 } },
    })
  })
})
