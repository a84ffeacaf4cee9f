/**
 * Zip archives (APPNOTE.TXT of PKWARE, including zip64), entry by entry in the order of the central
 * directory.
 */
import { promisify } from 'node:util'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createInflateRaw } from 'node:zlib'
import yauzl from 'yauzl'
import { quoted } from '#shared/domain/archive-rule.ts'
import { refused, type Target } from './target.ts'

const LINK_LIMIT_BYTES = 4096
const DEFLATED = 8
/** Systems that store st_mode in the upper half of the external attributes: Unix and macOS. */
const UNIX_HOSTS = [3, 19]
const FILE_TYPE = 0o170000
const FOLDER = 0o040000
const LINK = 0o120000
const FILE = 0o100000

async function readText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

/** Fails when the file has another size than the directory says. */
function counting(wantedBytes: number): Transform {
  let bytes = 0
  const problem = () =>
    refused({
      problem: 'archive_damaged',
      error: 'a file has another size than its directory says',
    })
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      done(bytes > wantedBytes ? problem() : null, chunk)
    },
    flush: (done) => done(bytes < wantedBytes ? problem() : null),
  })
}

const openZip = (file: string): Promise<yauzl.ZipFile> =>
  new Promise((resolve, reject) => {
    yauzl.open(file, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) reject(refused({ problem: 'archive_not_zip', error: error.message }))
      else resolve(zip)
    })
  })

/** @throws ArchiveError, the signal's reason, and file system errors */
export async function extractZip(file: string, target: Target): Promise<void> {
  const zip = await openZip(file)
  const openStream = promisify<yauzl.Entry, yauzl.ZipFileOptions, Readable>(
    zip.openReadStream.bind(zip),
  )
  // Unpacked here: the library's own streams never end when the size of a file is wrong.
  async function openEntry(entry: yauzl.Entry): Promise<Readable> {
    const isPacked = entry.compressionMethod === DEFLATED
    const options = isPacked ? { decompress: false } : {}
    const packed = await openStream(entry, options)
    const whole = counting(entry.uncompressedSize)
    const first = isPacked ? createInflateRaw() : whole
    // The library's stream never emits `close`, which pipelines wait for. The reader of the result gets all errors.
    packed.on('error', (error) => first.destroy(error))
    whole.once('close', () => packed.destroy())
    packed.pipe(first)
    if (first !== whole) pipeline(first, whole).catch(() => undefined)
    return whole
  }

  async function extractEntry(entry: yauzl.Entry): Promise<void> {
    const mode = UNIX_HOSTS.includes(entry.versionMadeBy >>> 8)
      ? entry.externalFileAttributes >>> 16
      : null
    const type = (mode ?? 0) & FILE_TYPE
    if (entry.fileName.endsWith('/') || type === FOLDER) return target.folder(entry.fileName, mode)
    if (entry.isEncrypted()) throw refused({ problem: 'archive_has_password' })
    if (type === LINK) {
      if (entry.uncompressedSize > LINK_LIMIT_BYTES)
        throw refused({ problem: 'archive_link_too_long' })
      return target.link(entry.fileName, await readText(await openEntry(entry)))
    }
    if (type !== 0 && type !== FILE)
      throw refused({ problem: 'archive_not_a_file', name: quoted(entry.fileName) })
    return target.file(entry.fileName, mode, await openEntry(entry))
  }

  try {
    await new Promise<void>((resolve, reject) => {
      zip.on('entry', (entry: yauzl.Entry) => {
        extractEntry(entry).then(() => zip.readEntry(), reject)
      })
      zip.once('end', resolve)
      // The library itself reports names that lead out of the archive.
      zip.once('error', (error: Error) =>
        reject(refused({ problem: 'archive_damaged', error: error.message })),
      )
      zip.readEntry()
    })
  } finally {
    zip.close()
  }
}
