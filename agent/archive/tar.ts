/** Tar archives, plain or compressed with gzip or xz; recognised by the first bytes. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { quoted } from '#shared/domain/archive-rule.ts'
import { unpackXz } from '#shared/node/xz.ts'
import { errorCode, errorText } from '../lib/atomic-file.ts'
import { ArchiveError, refused, type Target } from './target.ts'

const READ_BYTES = 256 * 1024

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

async function take(header: Header, content: Readable, target: Target): Promise<void> {
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return target.file(header.name, header.mode ?? null, content)
    case 'directory':
      return target.folder(header.name, header.mode ?? null)
    case 'symlink':
      return target.link(header.name, header.linkname ?? '')
    case 'link':
      return target.hardLink(header.name, header.linkname ?? '')
    default:
      throw refused({ problem: 'archive_not_a_file', name: quoted(header.name) })
  }
}

/** @throws ArchiveError, the signal's reason, and file system errors */
export async function extractTar(file: string, target: Target, signal: AbortSignal): Promise<void> {
  const first = (await firstBytes(file)).toString('hex')
  const source = createReadStream(file, { highWaterMark: READ_BYTES })
  const tar = extract()
  const end = tar as unknown as Duplex
  const reading = first.startsWith('1f8b')
    ? pipeline(source, createGunzip(), end, { signal })
    : first.startsWith('fd377a585a00')
      ? pipeline(source, unpackXz, end, { signal })
      : pipeline(source, end, { signal })
  // The loop below throws the same error; this keeps Node from reporting an unhandled rejection first.
  reading.catch(() => undefined)
  try {
    for await (const entry of tar) {
      await take(entry.header, entry as unknown as Readable, target)
      entry.resume()
    }
    await reading
  } catch (error) {
    source.destroy()
    tar.destroy()
    signal.throwIfAborted()
    if (error instanceof ArchiveError || errorCode(error) === 'ENOSPC') throw error
    if (/^E[A-Z]+$/.test(errorCode(error)) && errorCode(error) !== 'EINVAL') throw error
    throw refused({ problem: 'archive_damaged', error: errorText(error) })
  }
}
