/** Who is believed: each purpose opens what was signed for it by the pinned key, for this device, and nothing else. */
import { describe, expect, it } from 'vitest'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { inspectText } from '#shared/contract/agent-inspect.ts'
import { commandText } from '#shared/contract/agent-link.ts'
import { splitText } from '#shared/contract/agent-split.ts'
import { restartText } from '#shared/contract/agent-restart.ts'
import { updateText } from '#shared/contract/agent-update.ts'
import { successionText } from '#shared/contract/succession.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import { openCommand, openInspection, openRestart, openUpdate } from './envelope.ts'

const hub = generateKeyPairSync('ed25519')
const stranger = generateKeyPairSync('ed25519')
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
  it.each(foreign)('is not opened by a signature for another purpose (%#)', (other) => {
    expect(outcome(name, seal(good(name), other))).toBe('bad_signature')
  })

  it('is not opened by another key, whatever name it goes by', () => {
    expect(outcome(name, seal(good(name), text, { key: stranger.privateKey }))).toBe(
      'bad_signature',
    )
    expect(outcome(name, seal(good(name), text, { keyId: 'other' }))).toBe('bad_signature')
  })

  it('is not opened when a letter of it differs from what was signed', () => {
    const { envelope } = seal(good(name), text)
    const changed = envelope.payload.replace('"device_id":1', '"device_id": 1')
    expect(changed).not.toBe(envelope.payload)
    expect(outcome(name, { envelope: { ...envelope, payload: changed } })).toBe('bad_signature')
  })

  it('is not opened when it is for another device', () => {
    expect(outcome(name, seal(good(name, { device_id: 2 }), text))).toBe('wrong_device')
  })

  it.each([undefined, null, 7, 'x', [], {}, { envelope: null }, { envelope: { payload: 1 } }])(
    'is not opened when there is none: %j',
    (body) => expect(outcome(name, body)).toBe('malformed'),
  )

  it('is not opened when what is signed means nothing', () => {
    expect(outcome(name, seal('{', text))).toBe('malformed')
    expect(outcome(name, seal({ device_id: 1 }, text))).toBe('malformed')
  })

  it('takes nothing from beside the envelope', () => {
    const body = { ...good(name), device_id: 1, ...seal(good(name, { device_id: 2 }), text) }
    expect(outcome(name, body)).toBe('wrong_device')
  })
})

describe.each(['command', 'update'] as const)('the order of a %s', (name) => {
  it.each([
    [3, 'replayed'],
    [4, 'replayed'],
    [5, 'opened'],
  ])('has to be above what was accepted before: %i is %s', (sequence, expected) => {
    expect(outcome(name, seal(good(name, { sequence }), openers[name].text))).toBe(expected)
  })
})
