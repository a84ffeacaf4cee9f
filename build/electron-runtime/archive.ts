import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { extract as tarExtract } from 'tar-stream'
import yauzl from 'yauzl'

/** The file is not the pinned one. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError'
}

/**
 * Checks a file against a subresource-integrity string (`sha512-BASE64`, https://www.w3.org/TR/SRI/). @throws
 * IntegrityError if they differ
 */
export async function verifyIntegrity(file: string, integrity: string): Promise<void> {
  const [algorithm, expected] = split(integrity)
  const hash = createHash(algorithm)
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  const actual = hash.digest('base64')
  if (actual !== expected) {
    throw new IntegrityError(
      `${path.basename(file)} is not the pinned file: expected ${integrity}, got ${algorithm}-${actual}`,
    )
  }
}

function split(integrity: string): [algorithm: string, digest: string] {
  const dash = integrity.indexOf('-')
  const algorithm = integrity.slice(0, dash)
  if (algorithm !== 'sha512') throw new IntegrityError(`unsupported integrity: ${integrity}`)
  return [algorithm, integrity.slice(dash + 1)]
}

/** Writes one entry of a gzipped tarball to `target`. @throws Error if there is no such entry */
export async function extractFromTarball(
  tarball: string,
  entryName: string,
  target: string,
): Promise<void> {
  const tar = tarExtract()
  let found = false
  const reading = pipeline(createReadStream(tarball), createGunzip(), tar)
  // The loop below throws the same error; this keeps Node from reporting an unhandled rejection first.
  reading.catch(() => undefined)
  for await (const entry of tar) {
    if (entry.header.name === entryName) {
      await pipeline(entry, createWriteStream(target))
      found = true
    } else {
      entry.resume()
    }
  }
  await reading
  if (!found) throw new Error(`${path.basename(tarball)} holds no ${entryName}`)
}

interface UnzipOptions {
  /** Only this folder of the archive is unpacked, without the folder name itself. Ends with `/`. */
  folder: string
  /** Paths below `folder` to skip; a trailing `/` skips a whole subfolder. */
  leaveOut: readonly string[]
}

/**
 * Unpacks part of a zip archive, including file modes. Refuses entries that would end up outside `target`.
 */
export async function unzip(archive: string, target: string, options: UnzipOptions): Promise<void> {
  const zip = await openZip(archive)
  const openEntry = promisify<yauzl.Entry, Readable>(zip.openReadStream.bind(zip))
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (entry: yauzl.Entry) => {
      takeEntry(entry).then(() => zip.readEntry(), reject)
    })
    zip.once('end', resolve)
    zip.once('error', reject)
    zip.readEntry()
  }).finally(() => zip.close())

  async function takeEntry(entry: yauzl.Entry): Promise<void> {
    if (!entry.fileName.startsWith(options.folder) || entry.fileName.endsWith('/')) return
    const name = entry.fileName.slice(options.folder.length)
    if (options.leaveOut.some((out) => (out.endsWith('/') ? name.startsWith(out) : name === out))) {
      return
    }
    const file = path.resolve(target, name)
    if (!file.startsWith(path.resolve(target) + path.sep)) {
      throw new Error(`${entry.fileName} would be written outside ${target}`)
    }
    await fs.mkdir(path.dirname(file), { recursive: true })
    const mode = (entry.externalFileAttributes >>> 16) & 0o777
    await pipeline(await openEntry(entry), createWriteStream(file, { mode: mode || 0o644 }))
  }
}

async function openZip(file: string): Promise<yauzl.ZipFile> {
  return await new Promise((resolve, reject) => {
    yauzl.open(file, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) reject(error)
      else resolve(zip)
    })
  })
}
