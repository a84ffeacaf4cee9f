/**
 * The signature of a Windows Installer file. Its digest covers all streams and the classes of the storages, in the order of their
 * names (as osslsigncode's msi.c computes it).
 */
import { createHash, type Hash } from 'node:crypto'
import type { InstallerSigner } from '#shared/contract/rest/installer-knowledge.ts'
import { warning } from '../../knowledge.ts'
import { parseSignature, type Signature } from '../exe/signature.ts'
import type { Window } from '../window.ts'
import type { Compound, CompoundStorage } from './compound.ts'

const SIGNATURE = '\u0005DigitalSignature'
/** A digest of the names, sizes and dates of all entries. If there is one, the signed digest starts with it. */
const EXTENDED = '\u0005MsiDigitalSignatureEx'
const SIGNATURE_LIMIT_BYTES = 1024 * 1024
const EXTENDED_LIMIT_BYTES = 1024

/** Adds a storage and all it contains. @returns false when the time for optional work ran out */
function hashStorage(
  hash: Hash,
  { file, window }: { file: Compound; window: Window },
  storage: CompoundStorage,
  isRoot: boolean,
): boolean {
  const entries = storage.children
    .filter(({ name }) => !isRoot || (name !== SIGNATURE && name !== EXTENDED))
    .map((entry) => ({ entry, key: Buffer.from(`${entry.name}\0`, 'utf16le') }))
    .sort((a, b) => a.key.compare(b.key))
  for (const { entry } of entries)
    if (entry.kind === 'storage') {
      if (!hashStorage(hash, { file, window }, entry, false)) return false
    } else
      for (const piece of file.pieces(entry)) {
        if (window.leftMs() === 0) return false
        hash.update(piece)
      }
  hash.update(Buffer.from(storage.classId, 'hex'))
  return true
}

/** @throws AppError E_PACKAGE_UNREADABLE when a stream is damaged or cut off */
export function msiSigner(file: Compound, window: Window): InstallerSigner {
  const streamOf = (name: string) => file.streams.find((stream) => stream.name === name)
  const stream = streamOf(SIGNATURE)
  if (!stream) return { name: '', state: 'unsigned' }
  const signature = parsedSignature(file.read(stream, SIGNATURE_LIMIT_BYTES))
  if (!signature) return { name: '', state: 'unchecked' }
  const { signer: name, isConsistent, algorithm, digest } = signature
  if (!isConsistent) return { name, state: 'tampered' }
  const hash = createHash(algorithm)
  const extended = streamOf(EXTENDED)
  if (extended) hash.update(file.read(extended, EXTENDED_LIMIT_BYTES))
  if (!hashStorage(hash, { file, window }, file.root, true)) return { name, state: 'unchecked' }
  return { name, state: hash.digest().equals(digest) ? 'valid_digest' : 'tampered' }
}

/** Null: it is damaged, or of an unsupported kind. */
function parsedSignature(bytes: Buffer): Signature | null {
  try {
    return parseSignature(bytes)
  } catch {
    return null
  }
}

export const TAMPERED = warning(
  'tampered',
  'This package was changed after it was signed. Download it again from its publisher.',
)
