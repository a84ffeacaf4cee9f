/**
 * Downloads the next executable, and verifies its hash and that it can run here, before anything is touched.
 */
import { coded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import { compose } from '#shared/domain/coded-texts/compose.ts'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
} from 'node:fs'
import type { Clock } from '#shared/node/clock.ts'
import type { Random } from '#shared/node/random.ts'
import { downloadPackage, DownloadError, type Source } from '../download/download.ts'
import { freeDiskBytes } from '../facts/facts.ts'
import { runCommand } from '../lib/run-command.ts'
import type { Places } from './places.ts'
import type { Order } from './record.ts'

/** Why an update is not carried out. */
export class UpdateError extends Error {
  readonly text: CodedText
  constructor(text: CodedText) {
    super(compose(text))
    this.name = 'UpdateError'
    this.text = text
  }
}

/** Free space to leave for other programs. */
const RESERVED_BYTES = 64 * 1024 * 1024
const IDLE_TIMEOUT_MS = 60_000
const CHECK_TIMEOUT_MS = 60_000
const BUFFER_BYTES = 1024 * 1024

/**
 * Creates a private folder that nobody else can enter. Removes whatever was planted there; does not follow a
 * link.
 */
export function openWorkshop(places: Places): void {
  const stat = lstatSync(places.workshop, { throwIfNoEntry: false })
  const me = process.getuid?.()
  const isOurs =
    stat?.isDirectory() && (me === undefined || (stat.uid === me && (stat.mode & 0o077) === 0))
  if (isOurs) return
  rmSync(places.workshop, { recursive: true, force: true })
  mkdirSync(places.workshop, { mode: 0o700 })
}

/**
 * Verifies the file again right before it is put in place. It is in a folder that nobody else can enter, so
 * it cannot change afterwards. @throws UpdateError
 */
export function proveFile(file: string, order: Order): void {
  const fd = openSync(file, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0))
  try {
    const stat = fstatSync(fd)
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES)
    for (let at = 0; at < stat.size;) {
      const bytes = readSync(fd, buffer, 0, BUFFER_BYTES, at)
      if (bytes === 0) break
      hash.update(buffer.subarray(0, bytes))
      at += bytes
    }
    if (!stat.isFile() || stat.nlink > 1 || hash.digest('hex') !== order.sha256)
      throw new UpdateError(coded('update_file_changed', {}))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Runs the new version. @returns its output @throws UpdateError with this code if it fails */
async function test(
  file: string,
  args: readonly string[],
  code: 'update_does_not_start' | 'update_cannot_use_state',
): Promise<string> {
  const { code: exit_code, stdout, stderr } = await runCommand(file, args, CHECK_TIMEOUT_MS)
  if (exit_code === 0) return stdout.trim()
  const line = (stderr.trim() || stdout.trim()).replace(/\s+/g, ' ').slice(0, 200)
  if (line) throw new UpdateError(coded(`${code}_saying`, { line }))
  throw new UpdateError(
    exit_code === null ? coded('update_test_stopped', {}) : coded(code, { exit_code }),
  )
}

/**
 * Leaves the verified executable at `places.next`.
 * @param source where the hub serves it
 * @param statePath the state folder that it will have to read
 * @throws UpdateError or DownloadError; the signal's reason when that fires
 */
export async function stage(deps: {
  places: Places
  order: Order
  statePath: string
  source: (url: string, signal: AbortSignal) => Promise<Source>
  signal: AbortSignal
  clock: Clock
  random: Random
}): Promise<void> {
  const { places, order, signal } = deps
  openWorkshop(places)
  const free = freeDiskBytes(places.folder)
  if (free !== null && free < order.size_bytes + RESERVED_BYTES)
    throw new DownloadError('disk_space', coded('no_room', { folder: places.folder }))
  await downloadPackage({
    file: places.next,
    sizeBytes: order.size_bytes,
    sha256: order.sha256,
    source: (tryNow) => deps.source(order.url, tryNow),
    onProgress: () => undefined,
    onVerifying: () => undefined,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    signal,
    clock: deps.clock,
    random: deps.random,
  })
  chmodSync(places.next, 0o755)
  proveFile(places.next, order)
  const output = await test(places.next, ['--version'], 'update_does_not_start')
  if (output !== order.version)
    throw new UpdateError(
      coded('update_other_version', { found: output.slice(0, 64), version: order.version }),
    )
  await test(places.next, ['check-state', deps.statePath], 'update_cannot_use_state')
  signal.throwIfAborted()
}
