/** Reads a multipart upload: one file, and text fields before or after it. */
import type { Readable } from 'node:stream'
// For the request's `parts` and `isMultipart`.
import type { Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import type { Clock } from '#shared/node/clock.ts'
import { AppError, validationError } from '#shared/contract/errors.ts'
import { SoftwareFields } from '#shared/contract/rest/software.ts'
import { UPLOAD_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import { cleanFileName, type ManifestFile } from '../../slices/inspection/index.ts'
import type { Upload } from '../../slices/software/index.ts'

/** The result of receiving an upload's bytes. */
type Received = { discard: () => unknown }
export type Receive<T extends Received> = (file: {
  fileName: string
  stream: Readable
  sizeBytes?: number | undefined
  /** The fields sent before the file. */
  texts: ReadonlyMap<string, unknown>
}) => Promise<T>

const FIELD_LIMIT_BYTES = 64 * 1024
const PART_LIMIT = 100
const MANIFEST_LIMIT = 8
const MANIFEST_LIMIT_BYTES = 256 * 1024
/** The most that fields and separators add to the file. */
const ENVELOPE_BYTES = PART_LIMIT * FIELD_LIMIT_BYTES
const IDLE_TIMEOUT_MS = 60_000
/** A refused upload is still read for this long, so that the sender receives the response. */
const DRAIN_MS = 30_000
/** After an aborted upload nothing is worth reading; a sender that is still there gets this long to receive the response. */
const DRAIN_ABORTED_MS = 500

const NUMBERS = new Set(['timeout_seconds'])
const JSON_TEXTS = new Set(['success_exit_codes', 'detection', 'secret_args'])
const KNOWN = new Set(Object.keys(SoftwareFields.shape))

const problem = (field: string, message: string): AppError =>
  new AppError('E_VALIDATION', `The field ${field} ${message}.`, [{ path: `/${field}`, message }])

/** Converts a field's text to what the schema expects. An empty field counts as omitted. */
function decodeField(name: string, value: unknown): unknown {
  if (typeof value !== 'string') return value // the part was declared as JSON
  if (value === '') return undefined
  if (NUMBERS.has(name)) return /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : value
  if (!JSON_TEXTS.has(name)) return value
  try {
    return JSON.parse(value)
  } catch {
    throw problem(name, 'is not JSON')
  }
}

/** @throws AppError E_VALIDATION */
export function decodeFields(texts: ReadonlyMap<string, unknown>): SoftwareFields {
  const decoded = Object.fromEntries(
    [...texts]
      .filter(([name]) => KNOWN.has(name))
      .map(([name, value]) => [name, decodeField(name, value)]),
  )
  const parsed = SoftwareFields.safeParse(decoded)
  if (!parsed.success) throw validationError(parsed.error, 'The upload is not valid')
  return parsed.data
}

/** A manifest beside the installer. @throws AppError E_VALIDATION when it is too large, E_UPLOAD_ABORTED, E_MALFORMED */
async function readManifest(part: MultipartFile): Promise<ManifestFile> {
  const pieces: Buffer[] = []
  let left = MANIFEST_LIMIT_BYTES
  try {
    for await (const piece of part.file as AsyncIterable<Buffer>) {
      left -= piece.length
      if (left < 0) throw problem('manifest', `is larger than ${MANIFEST_LIMIT_BYTES / 1024} KiB`)
      pieces.push(piece)
    }
  } catch (error) {
    throw asUploadError(error)
  }
  return { name: cleanFileName(part.filename), text: Buffer.concat(pieces).toString('utf8') }
}

/** Converts an error of the multipart parser. */
function asUploadError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { code = '', message = '' } = error as NodeJS.ErrnoException
  const brokenOff =
    code === 'FST_MP_PREMATURE_CLOSE' || /terminated early|unexpected end|aborted/i.test(message)
  return brokenOff
    ? new AppError('E_UPLOAD_ABORTED', 'The upload was interrupted. Nothing was stored.', [], {
        cause: error,
      })
    : new AppError('E_MALFORMED', 'The upload is not well-formed multipart/form-data.', [], {
        cause: error,
      })
}

/** The next part, or null at the end. A sender that stops sending is cut off. */
async function nextPart(
  raw: FastifyRequest,
  parts: AsyncIterator<Multipart>,
  clock: Clock,
): Promise<Multipart | null> {
  const { socket } = raw.raw
  let seen = socket.bytesRead
  const stopWatch = clock.repeat(IDLE_TIMEOUT_MS, () => {
    if (socket.bytesRead === seen) raw.raw.destroy()
    seen = socket.bytesRead
  })
  try {
    const next = await parts.next()
    return next.done ? null : next.value
  } catch (error) {
    throw asUploadError(error)
  } finally {
    stopWatch()
  }
}

/** Reads and discards what a refused upload still sends, for a limited time. */
function drain({ raw }: FastifyRequest, error: unknown, clock: Clock): void {
  if (raw.readableEnded || raw.destroyed) return
  raw.unpipe()
  raw.resume()
  const isAborted = error instanceof AppError && error.code === 'E_UPLOAD_ABORTED'
  const cancelTimer = clock.setTimer(isAborted ? DRAIN_ABORTED_MS : DRAIN_MS, () => raw.destroy())
  raw.once('close', cancelTimer)
}

/** The size of the request, which is an upper bound for the file. @throws AppError E_TOO_LARGE before a byte is read */
function announcedBytes(raw: FastifyRequest): number | undefined {
  const length = Number(raw.headers['content-length'] ?? Number.NaN)
  if (Number.isNaN(length)) return undefined
  if (length > UPLOAD_LIMIT_BYTES + ENVELOPE_BYTES)
    throw new AppError(
      'E_TOO_LARGE',
      `The upload is larger than ${UPLOAD_LIMIT_BYTES / 1024 ** 3} GiB, which is the maximum.`,
    )
  return Math.min(length, UPLOAD_LIMIT_BYTES)
}

/** Reads an installer with its fields: `readParts`, with the same errors. */
export async function readUpload(
  raw: FastifyRequest,
  receive: Receive<Upload>,
  clock: Clock,
): Promise<{ upload: Upload; fields: SoftwareFields }> {
  const { upload, fields, manifests } = await readParts(raw, {
    receive,
    decode: decodeFields,
    clock,
  })
  return { upload: { ...upload, manifests }, fields }
}

/**
 * Reads the upload to its end. Ignores further files and unknown fields.
 * @param receive takes the file's bytes; the upload it returns belongs to the caller on success and is discarded otherwise
 * @param decode converts the texts to fields
 * @throws AppError E_VALIDATION (no file, a bad field), E_MALFORMED, E_UPLOAD_ABORTED, and what `receive` throws
 */
export async function readParts<T extends Received, F>(
  raw: FastifyRequest,
  {
    receive,
    decode,
    clock,
  }: {
    receive: Receive<T>
    decode: (texts: ReadonlyMap<string, unknown>) => F
    clock: Clock
  },
): Promise<{ upload: T; fields: F; manifests: ManifestFile[] }> {
  let upload: T | null = null
  const manifests: ManifestFile[] = []
  try {
    if (!raw.isMultipart())
      throw new AppError('E_MEDIA_TYPE', 'Send the file as multipart/form-data.')
    const sizeBytes = announcedBytes(raw)
    const texts = new Map<string, unknown>()
    const parts = raw.parts({
      limits: {
        // The content store enforces the limit; this one must not trigger first.
        fileSize: Number.MAX_SAFE_INTEGER,
        fieldSize: FIELD_LIMIT_BYTES,
        parts: PART_LIMIT,
        fields: PART_LIMIT,
        files: PART_LIMIT,
      },
    })
    for (
      let part = await nextPart(raw, parts, clock);
      part;
      part = await nextPart(raw, parts, clock)
    ) {
      if (part.type === 'field') {
        if (part.valueTruncated) throw problem(part.fieldname, 'is too long')
        texts.set(part.fieldname, part.value)
      } else if (part.fieldname === 'file' && part.filename && upload === null) {
        upload = await receive({ fileName: part.filename, stream: part.file, sizeBytes, texts })
      } else if (part.fieldname === 'manifest' && part.filename) {
        if (manifests.length === MANIFEST_LIMIT)
          throw problem('manifest', `was sent more than ${MANIFEST_LIMIT} times`)
        manifests.push(await readManifest(part))
      } else part.file.resume()
    }
    if (!upload)
      throw new AppError('E_VALIDATION', 'There is no file in the upload.', [
        { path: '/file', message: 'is missing' },
      ])
    return { upload, fields: decode(texts), manifests }
  } catch (error) {
    drain(raw, error, clock)
    await upload?.discard()
    throw error
  }
}
