/** What the hub's thread and the inspection worker send each other. */
import type { WireError } from '#shared/contract/errors.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { PackageFacts } from './facts.ts'

export type InspectionData = {
  bufferMiB: number
  /** One number: MiB that a reader has read from the file and unpacked so far. The time limit counts from its last change. */
  progress: SharedArrayBuffer
}
/** A manifest that came with an installer. */
export type ManifestFile = { name: string; text: string }
export type InspectionTask = {
  path: string
  fileName: string
  kind: InstallerKind
  /** For archives: files in it that the caller asks about. */
  asked: readonly string[]
  /** Manifests that came with the file, and its hash in hex. */
  manifests?: { files: readonly ManifestFile[]; sha256: string }
}
export type InspectionMessage =
  | { what: 'facts'; facts: PackageFacts; threadId: number }
  /** The file is refused. */
  | { what: 'refused'; error: WireError }
  /** A reader failed on the file. */
  | { what: 'fault'; text: string }
  /** The disk failed, not the file. */
  | { what: 'failed'; text: string }
/** The answer to one task. */
export type InspectionAnswer = {
  message: InspectionMessage
  /** Buffers that its readers allocated: after large ones the thread ends, because it is unknown when they are freed. */
  usedMiB: number
}
