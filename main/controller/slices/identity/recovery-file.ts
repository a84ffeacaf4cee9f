/**
 * The recovery file: everything that makes up this controller, keys and database, encrypted under a
 * passphrase. Packages are not included; they can be added again. The format is two lines of text
 * (type, key derivation), the sealed tar, and the tag that authenticates it.
 */
import { createReadStream, createWriteStream, existsSync, mkdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, pack } from 'tar-stream'
import { z } from 'zod'
import { AppError } from '#shared/contract/errors.ts'
import { readSecret, type VaultKey } from '../../base/vault.ts'
import { KEY_FILES } from './key-files.ts'
import {
  createSeal,
  createUnseal,
  newHeader,
  SealHeader,
  TAG_BYTES,
  wrongPassphrase,
} from './sealing.ts'

const MAGIC = 'DEPLOYX-RECOVERY-1\n'
const ABOUT = 'deployx recovery file v1'
const HEADER_LIMIT_BYTES = 1024
/** A key or the manifest; each has a few kilobytes. */
const SMALL_LIMIT_BYTES = 64 * 1024
/** Everything but the database, with the headers of the tar. */
const REST_LIMIT_BYTES = 2 * 1024 * 1024
const MANIFEST = 'manifest.json'
const DATABASE = 'deployx.db'
/**
 * All that a recovery file may contain: the keys except the one that is sealed, or still in plain
 * text.
 */
const KEYS: readonly string[] = Object.values(KEY_FILES).filter((n) => n !== KEY_FILES.recovery)

const Manifest = z.object({
  version: z.string().max(64),
  saved_at: z.iso.datetime(),
  fingerprint: z.string().max(64),
})
export type Manifest = z.infer<typeof Manifest>

const notOne = (why: string, cause?: unknown): AppError =>
  new AppError('E_RECOVERY_FILE', `This recovery file cannot be read: ${why}.`, [], {
    cause,
  })

/**
 * Writes the file from scratch. Reads the keys from `keys`; the database is a snapshot that does
 * not change.
 */
export async function packRecoveryFile(options: {
  file: string
  keys: string
  vault: VaultKey
  snapshot: string
  passphrase: string
  manifest: Manifest
}): Promise<void> {
  const { file, keys, snapshot, vault } = options
  const header = newHeader()
  const seal = await createSeal(options.passphrase, header, ABOUT)
  const tar = pack()
  const addDatabase = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const entry = tar.entry({ name: DATABASE, size: statSync(snapshot).size }, (error) =>
        error ? reject(error) : resolve(),
      )
      createReadStream(snapshot).on('error', reject).pipe(entry)
    })
  async function fill(): Promise<void> {
    tar.entry({ name: MANIFEST }, JSON.stringify(options.manifest))
    for (const name of KEYS) {
      const path = join(keys, name)
      if (existsSync(path)) tar.entry({ name: `keys/${name}` }, readSecret(path, vault))
    }
    await addDatabase()
    tar.finalize()
  }
  const out = createWriteStream(file, { mode: 0o600, flags: 'w' })
  out.write(`${MAGIC}${JSON.stringify(header)}\n`)
  const sealed = new PassThrough()
  const written = pipeline(sealed, out)
  const filled = fill().catch((error: unknown) => void tar.destroy(error as Error))
  await pipeline(tar as unknown as Readable, seal, sealed, { end: false })
  await filled
  sealed.end(seal.getAuthTag())
  await written
}

async function readEnds(
  file: string,
): Promise<{ header: SealHeader; from: number; tag: Buffer; to: number }> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw notOne('the file cannot be opened', error)
  })
  try {
    const { size } = await handle.stat()
    const head = Buffer.alloc(Math.min(size, HEADER_LIMIT_BYTES))
    await handle.read(head, 0, head.length, 0)
    const lineEnd = head.indexOf('\n', MAGIC.length)
    if (!head.toString('latin1').startsWith(MAGIC) || lineEnd < 0)
      throw notOne('it does not start like one')
    const from = lineEnd + 1
    const to = size - TAG_BYTES
    if (to <= from) throw notOne('it is cut short')
    const tag = Buffer.alloc(TAG_BYTES)
    await handle.read(tag, 0, TAG_BYTES, to)
    const header = SealHeader.safeParse(parseJson(head.toString('utf8', MAGIC.length, lineEnd)))
    if (!header.success) throw notOne('its second line is damaged')
    return { header: header.data, from, tag, to }
  } finally {
    await handle.close()
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Unpacks into `into` (`keys/…` and the database). Do not use anything in there unless this
 * resolves: only the end of the file proves that the passphrase is correct and no byte was changed.
 * @throws AppError E_RECOVERY_FILE, E_PASSPHRASE
 */
export async function unpackRecoveryFile(options: {
  file: string
  into: string
  passphrase: string
}): Promise<Manifest> {
  const { file, into, passphrase } = options
  const { header, from, tag, to } = await readEnds(file)
  const unseal = await createUnseal(passphrase, header, ABOUT, tag)
  mkdirSync(join(into, 'keys'), { recursive: true, mode: 0o700 })
  let manifest: Manifest | null = null
  const untar = extract()
  let limit = REST_LIMIT_BYTES
  // The file may come from anyone, and is verified at its end only. The unpacker keeps headers in memory.
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      limit -= chunk.length
      if (limit < 0) done(notOne('it contains more than a recovery file holds'))
      else done(null, chunk)
    },
  })
  const take = async (name: string, size: number, entry: Readable): Promise<void> => {
    if (name === DATABASE) limit += size
    else if (size > SMALL_LIMIT_BYTES) throw notOne('one of its parts is too large')
    const key = name.startsWith('keys/') ? name.slice('keys/'.length) : null
    if (name === MANIFEST) {
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      manifest = Manifest.parse(parseJson(Buffer.concat(chunks).toString('utf8')))
    } else if (name === DATABASE || (key !== null && KEYS.includes(key)))
      await pipeline(entry, createWriteStream(join(into, name), { mode: 0o600, flush: true }))
    else throw notOne('it contains unexpected files')
  }
  untar.on('entry', ({ name, size = 0 }, entry, next) => {
    // The error of the whole reaches every part; the pipeline reports it.
    entry.on('error', () => undefined)
    take(name, size, entry as unknown as Readable).then(() => next(), next)
  })
  try {
    const sealed = createReadStream(file, { start: from, end: to - 1 })
    await pipeline(sealed, unseal, meter, untar as unknown as NodeJS.WritableStream)
  } catch (error) {
    // With a wrong key the tar is noise, so either error means a wrong passphrase.
    throw error instanceof AppError && error.code !== 'E_RECOVERY_FILE' ? error : wrongPassphrase()
  }
  if (!manifest) throw notOne('it is not complete')
  return manifest
}
