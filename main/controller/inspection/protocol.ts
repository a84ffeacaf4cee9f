/** What the hub's thread and the inspection worker send each other. */
import type { WireError } from '#shared/contract/errors.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { PackageFacts } from './facts.ts'

export type InspectionData = {
  bufferMiB: number
  /** One number, MiB of the file that a reader has streamed so far: the time limit counts from its last steps. */
  progress: SharedArrayBuffer
}
export type InspectionTask = {
  path: string
  fileName: string
  kind: InstallerKind
  /** Of archives: files in it that the caller wants to know of. */
  asked: readonly string[]
}
export type InspectionMessage =
  | { what: 'facts'; facts: PackageFacts; threadId: number }
  /** The file is refused. */
  | { what: 'refused'; error: WireError }
  /** A reader stumbled over the file. */
  | { what: 'fault'; text: string }
  /** The disk, not the file. */
  | { what: 'failed'; text: string }
/** The answer to one task. */
export type InspectionAnswer = {
  message: InspectionMessage
  /** Buffers that its readers allocated: where there were many, the thread ends, because when they are freed is not known. */
  usedMiB: number
}
