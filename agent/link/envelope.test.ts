/**
 * What the agent trusts: for each purpose, it opens only what the pinned key signed for it and for this
 * device.
 */
import { describe, expect, it } from 'vitest'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { inspectText } from '#shared/contract/agent/inspect.ts'
import { commandText } from '#shared/contract/agent/link.ts'
import { splitText } from '#shared/contract/agent/split.ts'
import { restartText } from '#shared/contract/agent/restart.ts'
import { updateText } from '#shared/contract/agent/update.ts'
import { successionText } from '#shared/contract/agent/succession.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import { openCommand, openInspection, openRestart, openUpdate } from './envelope.ts'

const hub = generateKeyPairSync('ed25519')
const otherKey = generateKeyPairSync('ed25519')
const us = {
  device_id: DeviceId.parse(1),
  key_id: 'known',
  command_key: hub.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
}
const sealed = { issued_at: '2026-01-01T00:00:00.000Z', device_id: 1, sequence: 5 }
const id = 'a'.repeat(32)
const openers = {
  command: {
    text: commandText,
    open: (body: unknown) => openCommand(body, us, 4),
    payload: {
      ...sealed,
      deployment_id: 7,
      target_id: 3,
      attempt: 1,
      attempt_id: id,
      action: 'cancel',
    },
  },
  update: {
    text: updateText,
    open: (body: unknown) => openUpdate(body, us, 4),
    payload: {
      ...sealed,
      version: '1.2.3',
      file_name: 'deployx-agent-linux-x64',
      sha256: 'a'.repeat(64),
      size_bytes: 1,
      url: '/agent/download',
    },
  },
  restart: {
    text: restartText,
    open: (body: unknown) => openRestart(body, us),
    payload: { ...sealed, deployment_id: 7, restart_id: id, action: 'call_off' },
  },
  inspection: {
    text: inspectText,
    open: (body: unknown) => openInspection(body, us),
    payload: { ...sealed, detections: [] },
  },
}
type Name = keyof typeof openers
const names = Object.keys(openers) as Name[]

function seal(
  payload: object | string,
  signedText: (text: string) => string,
  options: { key?: KeyObject; keyId?: string } = {},
) {
  const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const signature = sign(null, Buffer.from(signedText(text)), options.key ?? hub.privateKey)
  return {
    envelope: {
      payload: text,
      signature: signature.toString('base64'),
      key_id: options.keyId ?? 'known',
    },
  }
}
/** `opened`, or why not. */
function outcome(name: Name, body: unknown): string {
  const result = openers[name].open(body)
  if (result.ok) return 'opened'
  return 'refusal' in result ? result.refusal.why : result.why
}
const good = (name: Name, change: object = {}): object => ({ ...openers[name].payload, ...change })

describe.each(names)('the envelope of a %s', (name) => {
  const { text } = openers[name]

  it('opens when the pinned key signed it for this purpose and this device', () => {
    expect(outcome(name, seal(good(name), text))).toBe('opened')
  })

  const foreign = [
    ...names.filter((other) => other !== name).map((other) => openers[other].text),
    successionText,
    (payload: string) => splitText('sha256/x', 'nonce', payload, 1),
    (payload: string) => payload,
  ]
  it.each(foreign)('is refused with a signature for another purpose (%#)', (other) => {
    expect(outcome(name, seal(good(name), other))).toBe('bad_signature')
  })

  it('is refused with a signature by another key, whatever its key id', () => {
    expect(outcome(name, seal(good(name), text, { key: otherKey.privateKey }))).toBe(
      'bad_signature',
    )
    expect(outcome(name, seal(good(name), text, { keyId: 'other' }))).toBe('bad_signature')
  })

  it('is refused when one character differs from what was signed', () => {
    const { envelope } = seal(good(name), text)
    const changed = envelope.payload.replace('"device_id":1', '"device_id": 1')
    expect(changed).not.toBe(envelope.payload)
    expect(outcome(name, { envelope: { ...envelope, payload: changed } })).toBe('bad_signature')
  })

  it('is refused when it is for another device', () => {
    expect(outcome(name, seal(good(name, { device_id: 2 }), text))).toBe('wrong_device')
  })

  it.each([undefined, null, 7, 'x', [], {}, { envelope: null }, { envelope: { payload: 1 } }])(
    'is refused when there is none: %j',
    (body) => expect(outcome(name, body)).toBe('malformed'),
  )

  it('is refused when the signed text is meaningless', () => {
    expect(outcome(name, seal('{', text))).toBe('malformed')
    expect(outcome(name, seal({ device_id: 1 }, text))).toBe('malformed')
  })

  it('ignores everything outside the envelope', () => {
    const body = { ...good(name), device_id: 1, ...seal(good(name, { device_id: 2 }), text) }
    expect(outcome(name, body)).toBe('wrong_device')
  })
})

describe.each(['command', 'update'] as const)('the sequence of a %s', (name) => {
  it.each([
    [3, 'replayed'],
    [4, 'replayed'],
    [5, 'opened'],
  ])('has to be higher than the last accepted one: %i is %s', (sequence, expected) => {
    expect(outcome(name, seal(good(name, { sequence }), openers[name].text))).toBe(expected)
  })
})
