/**
 * What lies in a zip or tar archive, without extracting it. An archive that no agent would extract is refused here: names and
 * links that lead out of it, things that are no files, and more of them, or of bytes, than is bounded.
 */
import { createReadStream } from 'node:fs'
import { promisify } from 'node:util'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
// A CommonJS package: Node finds its exports behind the default import only.
import xz from 'xz-decompress'
import yauzl from 'yauzl'
import {
  ARCHIVE_ENTRY_LIMIT,
  ARCHIVE_EXPANDED_LIMIT_BYTES,
  isWindowsPath,
  linkTarget,
  safeArchivePath,
} from '#shared/domain/archives.ts'
import { AppError } from '#shared/contract/errors.ts'
import { unreadable, type ArchiveListing } from './facts.ts'

const READ_BYTES = 256 * 1024
const LINK_LIMIT_BYTES = 4096
/** Deflate, and not compressed at all. */
const ZIP_METHODS = [0, 8]
const UNIX_HOSTS = [3, 19]
const FILE_TYPE = 0o170000
const FOLDER = 0o040000
const LINK = 0o120000
const FILE = 0o100000

/** A name as it is shown in a sentence. */
const quoted = (name: string): string => JSON.stringify(name.slice(0, 200))

type Item = { name: string; isExecutable: boolean; sizeBytes: number } & (
  { type: 'file' | 'folder' } | { type: 'link' | 'hardlink'; target: string }
)

function collector() {
  const listing: ArchiveListing = { files: [], expandedBytes: 0, windowsProblem: null }
  const seen = new Set<string>()
  /** As Windows and macOS compare names. */
  const folded = new Set<string>()
  let entries = 0
  const notOnWindows = (problem: string): void => {
    listing.windowsProblem ??= problem
  }

  return {
    listing,
    add: (item: Item): void => {
      if (++entries > ARCHIVE_ENTRY_LIMIT)
        throw unreadable(`it holds more than ${ARCHIVE_ENTRY_LIMIT} files`)
      const path = safeArchivePath(item.name)
      if (path === null) throw unreadable(`a name in it leads out of it (${quoted(item.name)})`)
      if (path === '') return
      if (!isWindowsPath(path)) notOnWindows(`Windows has no files of the name ${quoted(path)}`)
      if (item.type === 'folder') return
      if (seen.has(path)) throw unreadable(`it holds ${quoted(path)} twice`)
      seen.add(path)
      if (folded.has(path.toLowerCase()))
        notOnWindows(`it holds ${quoted(path)} in two spellings, which are one to Windows`)
      folded.add(path.toLowerCase())
      if (item.type === 'link') {
        notOnWindows('it holds links')
        if (linkTarget(path, item.target) === null)
          throw unreadable(`a link in it leads out of it (${quoted(path)})`)
        return
      }
      if (item.type === 'hardlink') {
        const target = safeArchivePath(item.target)
        if (!target || !seen.has(target))
          throw unreadable(`a link in it leads to nothing in it (${quoted(path)})`)
      }
      listing.expandedBytes += item.sizeBytes
      if (listing.expandedBytes > ARCHIVE_EXPANDED_LIMIT_BYTES)
        throw unreadable(
          `it expands to more than ${ARCHIVE_EXPANDED_LIMIT_BYTES / 1024 ** 3} GiB, which is the most that is taken`,
        )
      listing.files.push({ path, isExecutable: item.isExecutable })
    },
  }
}

async function readLink(stream: Readable): Promise<string> {
  // The library's streams never say that they are closed: no iterator, no pipeline.
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('end', resolve)
    stream.once('error', reject)
  })
  return Buffer.concat(chunks).toString('utf8')
}

async function listZip(path: string): Promise<ArchiveListing> {
  const { listing, add } = collector()
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, opened) => {
      if (error) reject(unreadable(`it is not a readable zip archive (${error.message})`, error))
      else resolve(opened)
    })
  })
  const openEntry = promisify<yauzl.Entry, Readable>(zip.openReadStream.bind(zip))

  async function take(entry: yauzl.Entry): Promise<void> {
    const { fileName: name, uncompressedSize: sizeBytes } = entry
    const mode = UNIX_HOSTS.includes(entry.versionMadeBy >>> 8)
      ? entry.externalFileAttributes >>> 16
      : 0
    const type = mode & FILE_TYPE
    const item = { name, sizeBytes, isExecutable: (mode & 0o111) !== 0 }
    if (name.endsWith('/') || type === FOLDER) return add({ ...item, type: 'folder' })
    if (entry.isEncrypted()) throw unreadable('it is protected by a password')
    if (!ZIP_METHODS.includes(entry.compressionMethod))
      throw unreadable(
        `${quoted(name)} in it is packed in a way that is not known (method ${entry.compressionMethod})`,
      )
    if (type === LINK) {
      if (sizeBytes > LINK_LIMIT_BYTES) throw unreadable('a link in it is too long')
      return add({ ...item, type: 'link', target: await readLink(await openEntry(entry)) })
    }
    if (type !== 0 && type !== FILE) throw unreadable(`${quoted(name)} in it is no file`)
    add({ ...item, type: 'file' })
  }

  try {
    await new Promise<void>((resolve, reject) => {
      let sinceBreath = 0
      zip.on('entry', (entry: yauzl.Entry) => {
        take(entry).then(() => {
          if (++sinceBreath % 1_000 === 0) setImmediate(() => zip.readEntry())
          else zip.readEntry()
        }, reject)
      })
      zip.once('end', resolve)
      // Of names that lead out of the archive it says so itself.
      zip.once('error', (error: Error) =>
        reject(unreadable(`it is damaged (${error.message})`, error)),
      )
      zip.readEntry()
    })
  } finally {
    zip.close()
  }
  return listing
}

async function* unpackXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const packed = Readable.toWeb(Readable.from(source)) as ReadableStream<Uint8Array>
  const reader = new xz.XzReadableStream(packed).getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function tarItem(header: Header): Item {
  const item = {
    name: header.name,
    sizeBytes: header.size ?? 0,
    isExecutable: ((header.mode ?? 0) & 0o111) !== 0,
  }
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      return { ...item, type: 'file' }
    case 'directory':
      return { ...item, type: 'folder' }
    case 'symlink':
      return { ...item, type: 'link', target: header.linkname ?? '' }
    case 'link':
      return { ...item, sizeBytes: 0, type: 'hardlink', target: header.linkname ?? '' }
    default:
      throw unreadable(`${quoted(header.name)} in it is no file`)
  }
}

async function listTar(path: string, head: Buffer): Promise<ArchiveListing> {
  const { listing, add } = collector()
  const first = head.subarray(0, 6).toString('hex')
  const source = createReadStream(path, { highWaterMark: READ_BYTES })
  const tar = extract()
  const end = tar as unknown as NodeJS.WritableStream
  const reading = first.startsWith('1f8b')
    ? pipeline(source, createGunzip(), end)
    : first === 'fd377a585a00'
      ? pipeline(source, unpackXz, end)
      : pipeline(source, end)
  // The loop below ends with the same error; this keeps Node from calling it unhandled before that.
  reading.catch(() => undefined)
  try {
    for await (const entry of tar) {
      add(tarItem(entry.header))
      entry.resume()
    }
    await reading
  } catch (error) {
    source.destroy()
    tar.destroy()
    if (error instanceof AppError) throw error
    throw unreadable(
      `it is damaged or not a tar archive (${error instanceof Error ? error.message : String(error)})`,
      error,
    )
  }
  return listing
}

/** @throws AppError E_PACKAGE_UNREADABLE with what is wrong */
export async function listArchive(
  path: string,
  kind: 'zip' | 'tar',
  head: Buffer,
): Promise<ArchiveListing> {
  const listing = await (kind === 'zip' ? listZip(path) : listTar(path, head))
  if (listing.files.length === 0) throw unreadable('it holds no files')
  return listing
}
