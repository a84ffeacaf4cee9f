/** Which statements make an agent accept other keys of its controller, and which do not. */
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  successionText,
  type SignedSuccession,
  type Succession,
} from '#shared/contract/agent/succession.ts'
import { DeviceId } from '#shared/domain/ids.ts'
import type { Enrollment } from './identity.ts'
import { follow } from './succession.ts'

const makeKey = (): KeyObject => generateKeyPairSync('ed25519').privateKey
const publicOf = (key: KeyObject): string =>
  createPublicKey(key.export({ type: 'pkcs8', format: 'pem' }))
    .export({ type: 'spki', format: 'der' })
    .toString('base64')
const pinOf = (letter: string): string => `sha256/${letter.repeat(43)}=`

const [first, second, third, recovery, stranger] = [1, 2, 3, 4, 5].map(makeKey) as [
  KeyObject,
  KeyObject,
  KeyObject,
  KeyObject,
  KeyObject,
]
const enrolled: Enrollment = {
  device_id: DeviceId.parse(7),
  command_key: publicOf(first),
  key_id: 'first',
  recovery_key: publicOf(recovery),
  generation: 0,
  epoch: 0,
  fingerprint: pinOf('A'),
  addresses: ['h:1'],
  secret_hash: '',
}
function statement(
  signer: SignedSuccession['signer'],
  by: KeyObject,
  part: Partial<Succession>,
): SignedSuccession {
  const payload = JSON.stringify({
    generation: 0,
    epoch: 1,
    command_key: publicOf(second),
    key_id: 'second',
    recovery_key: publicOf(recovery),
    fingerprint: pinOf('B'),
    issued_at: '2026-01-01T00:00:00.000Z',
    ...part,
  } satisfies Succession)
  const signature = sign(null, Buffer.from(successionText(payload)), by).toString('base64')
  return { payload, signer, signature }
}
const toSecond = statement('command', first, {})
const toThird = statement('command', second, {
  epoch: 2,
  command_key: publicOf(third),
  key_id: 'third',
  fingerprint: pinOf('C'),
})
const takenBack = statement('recovery', recovery, {
  generation: 1,
  epoch: 0,
  command_key: publicOf(third),
  key_id: 'third',
  fingerprint: pinOf('D'),
})

describe('an agent follows its controller', () => {
  it('to the next keys, and keeps everything of its own', () => {
    expect(follow(enrolled, [toSecond])).toEqual({
      ...enrolled,
      command_key: publicOf(second),
      key_id: 'second',
      epoch: 1,
      fingerprint: pinOf('B'),
    })
  })
  it('through several changes that it missed', () => {
    expect(follow(enrolled, [toSecond, toThird])).toMatchObject({ key_id: 'third', epoch: 2 })
  })
  it('from any point in the sequence', () => {
    const there = follow(enrolled, [toSecond])
    expect(follow(there, [toSecond, toThird])).toMatchObject({ key_id: 'third', epoch: 2 })
  })
  it('after a recovery, wherever the former keys had led it', () => {
    for (const from of [
      enrolled,
      follow(enrolled, [toSecond]),
      follow(enrolled, [toSecond, toThird]),
    ])
      expect(follow(from, [takenBack])).toMatchObject({ generation: 1, epoch: 0, key_id: 'third' })
  })
  it('back from an attacker who had stolen the command key', () => {
    const thief = statement('command', first, { command_key: publicOf(stranger), key_id: 'thief' })
    const led = follow(enrolled, [thief])
    expect(led.key_id).toBe('thief')
    expect(follow(led, [takenBack])).toMatchObject({ generation: 1, key_id: 'third' })
  })
})

describe('an agent stays where it is', () => {
  const altered = { ...toSecond, payload: toSecond.payload.replace('second', 'thirds') }
  const recovered = follow(enrolled, [takenBack])
  it.each<[string, Enrollment, SignedSuccession]>([
    ['when a stranger signed', enrolled, statement('command', stranger, {})],
    ['when a byte was altered', enrolled, altered],
    ['when a change is left out', enrolled, toThird],
    [
      'when it receives a statement that it has applied already',
      follow(enrolled, [toSecond]),
      toSecond,
    ],
    [
      'when the command key names another recovery key',
      enrolled,
      statement('command', first, { recovery_key: publicOf(stranger) }),
    ],
    [
      'when the command key claims a recovery',
      enrolled,
      statement('recovery', first, { generation: 1 }),
    ],
    [
      'when a statement of the recovery key starts no new generation',
      enrolled,
      statement('recovery', recovery, { generation: 0, epoch: 1 }),
    ],
    [
      'when the command key raises the generation',
      enrolled,
      statement('command', first, { generation: 1, epoch: 1 }),
    ],
    ['when keys of before a recovery speak', recovered, toSecond],
    ['when it knows no recovery key', { ...enrolled, recovery_key: null }, takenBack],
    ['when the statement is no statement', enrolled, { ...toSecond, payload: '{"epoch":1}' }],
    ['when it is not even JSON', enrolled, { ...toSecond, payload: 'x' }],
  ])('%s', (_what, from, received) => expect(follow(from, [received])).toBe(from))
})
