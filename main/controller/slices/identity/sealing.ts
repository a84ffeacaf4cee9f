/** Encryption under a passphrase: scrypt and AES-256-GCM. */
import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scrypt,
  type CipherGCM,
  type DecipherGCM,
} from 'node:crypto'
import { z } from 'zod'
import { AppError } from '#shared/contract/errors.ts'

export const TAG_BYTES = 16
const KEY_BYTES = 32
/** About half a second and 128 MiB: anyone who has the file can guess passphrases offline. */
const COST = { N: 2 ** 17, r: 8, p: 1 }
const MEMORY_LIMIT_BYTES = 512 * 1024 * 1024

/** Upper bounds, so that a forged file cannot cost more than a real one. */
export const SealHeader = z.object({
  kdf: z.literal('scrypt'),
  n: z
    .number()
    .int()
    .min(2 ** 14)
    .max(2 ** 20),
  r: z.number().int().min(1).max(16),
  p: z.number().int().min(1).max(4),
  salt: z.string().regex(/^[A-Za-z0-9_-]{22,64}$/),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{16}$/),
})
export type SealHeader = z.infer<typeof SealHeader>

export const newHeader = (): SealHeader => ({
  kdf: 'scrypt',
  n: COST.N,
  r: COST.r,
  p: COST.p,
  salt: randomBytes(24).toString('base64url'),
  nonce: randomBytes(12).toString('base64url'),
})

const deriveKey = (passphrase: string, { n, r, p, salt }: SealHeader): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(
      passphrase.normalize('NFKC'),
      Buffer.from(salt, 'base64url'),
      KEY_BYTES,
      { N: n, r, p, maxmem: MEMORY_LIMIT_BYTES },
      (error, key) => (error ? reject(error) : resolve(key)),
    ),
  )

/**
 * @param about what is sealed: authenticated with it, so that one sealed value cannot replace
 * another
 */
export async function createSeal(
  passphrase: string,
  header: SealHeader,
  about: string,
): Promise<CipherGCM> {
  const cipher = createCipheriv(
    'aes-256-gcm',
    await deriveKey(passphrase, header),
    Buffer.from(header.nonce, 'base64url'),
  )
  cipher.setAAD(Buffer.from(about))
  return cipher
}

export async function createUnseal(
  passphrase: string,
  header: SealHeader,
  about: string,
  tag: Buffer,
): Promise<DecipherGCM> {
  const decipher = createDecipheriv(
    'aes-256-gcm',
    await deriveKey(passphrase, header),
    Buffer.from(header.nonce, 'base64url'),
  )
  decipher.setAAD(Buffer.from(about))
  decipher.setAuthTag(tag)
  return decipher
}

export const wrongPassphrase = (): AppError =>
  new AppError('E_PASSPHRASE', 'The passphrase is wrong, or the file is damaged.')

const SealedText = z.object({ header: SealHeader, text: z.string().max(64 * 1024) })

/** Whether this has the form of a sealed secret. Only the passphrase proves more. */
export function isSealedText(text: string): boolean {
  try {
    const { text: sealed } = SealedText.parse(JSON.parse(text))
    return Buffer.from(sealed, 'base64').length > TAG_BYTES
  } catch {
    return false
  }
}

/** Seals a short secret: JSON. */
export async function sealText(passphrase: string, about: string, text: string): Promise<string> {
  const header = newHeader()
  const seal = await createSeal(passphrase, header, about)
  const sealed = Buffer.concat([seal.update(text, 'utf8'), seal.final(), seal.getAuthTag()])
  return JSON.stringify({ header, text: sealed.toString('base64') })
}

/** @throws AppError E_PASSPHRASE */
export async function unsealText(
  passphrase: string,
  about: string,
  sealed: string,
): Promise<string> {
  const { header, text } = SealedText.parse(JSON.parse(sealed))
  const bytes = Buffer.from(text, 'base64')
  const unseal = await createUnseal(passphrase, header, about, bytes.subarray(-TAG_BYTES))
  try {
    return Buffer.concat([unseal.update(bytes.subarray(0, -TAG_BYTES)), unseal.final()]).toString()
  } catch {
    throw wrongPassphrase()
  }
}
