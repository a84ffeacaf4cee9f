/** The agent's identity: its own Ed25519 key, and the only hub that it obeys. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { z } from 'zod'
import { PublicKey } from '#shared/contract/agent/link.ts'
import { DeviceId, Fingerprint } from '#shared/domain/ids.ts'
import { errorText, readJson, writeDurably } from '../lib/atomic-file.ts'
import { AgentFailure } from '../lib/failure.ts'

/** The result of enrolment. */
export const Enrollment = z.object({
  device_id: DeviceId,
  command_key: PublicKey,
  key_id: z.string().min(1).max(64),
  /**
   * Null for an enrolment made before recovery keys existed: then only the command key can sign for the
   * controller.
   */
  recovery_key: PublicKey.nullable().default(null),
  /** The state of the controller's keys when this agent last followed a change; see succession.ts. */
  generation: z.number().int().nonnegative().default(0),
  epoch: z.number().int().nonnegative().default(0),
  /** The hub's TLS key; no other key is ever accepted as the hub. */
  fingerprint: Fingerprint,
  /** HOST:PORT, tried in turn. */
  addresses: z.array(z.string().max(255)).max(64),
  /** Hash of the secret that admitted it: distinguishes a code that was used here from a new one. */
  secret_hash: z.string(),
})
export type Enrollment = z.infer<typeof Enrollment>

const IdentityFile = z.object({
  version: z.literal(1),
  /** PKCS#8 DER, base64. */
  private_key: z.string(),
  name: z.string().min(1).max(255).nullable(),
  enrollment: Enrollment.nullable(),
  /** The next identity, once another PC is known to have the same one: see split.ts. */
  next: z
    .object({ private_key: z.string(), enrollment: Enrollment.nullable() })
    .nullable()
    .default(null),
  /** The hardware on which the hub last accepted this identity. */
  hardware_id: z.string().nullable().default(null),
})
type IdentityFile = z.infer<typeof IdentityFile>

export type Identity = {
  /** SPKI DER, base64. */
  publicKey: string
  /** Ed25519 over the text, base64. */
  sign: (text: string) => string
  name: () => string | null
  enrollment: () => Enrollment | null
  /** Each returns after the change is on disk. */
  setName: (name: string) => void
  setEnrollment: (enrollment: Enrollment) => void
  hardwareId: () => string | null
  setHardwareId: (hardwareId: string) => void
  /** The key that will replace this one. Created and stored when it is first requested. */
  nextKey: () => Key
  /** Makes the change to the next key final; split.ts completes it. */
  setNextEnrollment: (enrollment: Enrollment) => void
}
export type Key = Pick<Identity, 'publicKey' | 'sign'>

function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519')
  return privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64')
}

/** @param pkcs8 DER, base64 */
function readKey(pkcs8: string): Key {
  const privateKey = createPrivateKey({
    key: Buffer.from(pkcs8, 'base64'),
    type: 'pkcs8',
    format: 'der',
  })
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return {
    publicKey: publicKey.toString('base64'),
    sign: (text) => sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

function load(file: string): IdentityFile | null {
  const raw = readJson(file)
  if (raw === undefined) return null
  const parsed = IdentityFile.safeParse(raw)
  if (!parsed.success) throw new AgentFailure(`The identity in ${file} cannot be read.`)
  return parsed.data
}

/** The content of the file, without creating anything. */
export const peekIdentity = (file: string): Pick<IdentityFile, 'name' | 'enrollment' | 'next'> =>
  load(file) ?? { name: null, enrollment: null, next: null }

/** Makes the next key and its enrolment the identity. Nothing else may have this file open. */
export function becomeNext(file: string): void {
  const state = load(file)
  if (!state?.next) return
  const { next } = state
  writeDurably(file, JSON.stringify({ ...state, ...next, next: null, hardware_id: null }))
}

/** Loads the identity; creates its key at the first start. @throws AgentFailure when the file is damaged */
export function openIdentity(file: string): Identity {
  let state = load(file)
  if (!state) {
    state = {
      version: 1,
      private_key: newPrivateKey(),
      name: null,
      enrollment: null,
      next: null,
      hardware_id: null,
    }
    writeDurably(file, JSON.stringify(state))
  }
  let current = state
  const change = (part: Partial<IdentityFile>): void => {
    const next = { ...current, ...part }
    try {
      writeDurably(file, JSON.stringify(next))
    } catch (error) {
      throw new AgentFailure(`The identity in ${file} cannot be saved: ${errorText(error)}`)
    }
    current = next
  }
  return {
    ...readKey(state.private_key),
    name: () => current.name,
    enrollment: () => current.enrollment,
    setName: (name) => change({ name }),
    setEnrollment: (enrollment) => change({ enrollment }),
    hardwareId: () => current.hardware_id,
    setHardwareId: (hardware_id) => change({ hardware_id }),
    nextKey() {
      if (!current.next) change({ next: { private_key: newPrivateKey(), enrollment: null } })
      return readKey(current.next!.private_key)
    },
    setNextEnrollment: (enrollment) => change({ next: { ...current.next!, enrollment } }),
  }
}

/** Ed25519; an unreadable key or signature does not verify. Key: SPKI DER, base64. */
export function verifies(publicKeyBase64: string, text: string, signatureBase64: string): boolean {
  try {
    const key = createPublicKey({
      key: Buffer.from(publicKeyBase64, 'base64'),
      format: 'der',
      type: 'spki',
    })
    return (
      key.asymmetricKeyType === 'ed25519' &&
      verify(null, Buffer.from(text), key, Buffer.from(signatureBase64, 'base64'))
    )
  } catch {
    return false
  }
}
