/** Reads every package and compares its hash. Streams, so large packages cost no memory. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { StoredContent } from './contents.repo.ts'

export type ContentFault = {
  file: string
  what: 'missing' | 'damaged' | 'unreadable' | 'unknown'
  usedBy: string | null
}

const READ_BYTES = 1024 * 1024
const FOLDER = /^[0-9a-f]{2}$/

async function lookAt(
  file: string,
  { sha256, size_bytes }: StoredContent,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<ContentFault['what'] | null> {
  try {
    const stat = statSync(file, { throwIfNoEntry: false })
    if (!stat) return 'missing'
    if (!stat.isFile() || stat.size !== size_bytes) return 'damaged'
    const hash = createHash('sha256')
    for await (const piece of createReadStream(file, { highWaterMark: READ_BYTES, signal })) {
      hash.update(piece as Buffer)
      onBytes((piece as Buffer).length)
    }
    return hash.digest('hex') === sha256 ? null : 'damaged'
  } catch (error) {
    if (signal.aborted) throw error
    // Removed while it was read.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'unreadable'
  }
}

/**
 * @param isStillKnown called before a fault is reported: software may be added and removed
 * meanwhile
 * @throws AbortError
 */
export async function readContents(options: {
  dataDir: string
  contents: readonly StoredContent[]
  isStillKnown: (sha256: string) => boolean
  onBytes: (bytes: number) => void
  signal: AbortSignal
}): Promise<ContentFault[]> {
  const { dataDir, contents, isStillKnown, onBytes, signal } = options
  const root = join(dataDir, 'content')
  const faults: ContentFault[] = []
  const known = new Set(contents.map(({ sha256 }) => sha256))
  for (const content of contents) {
    signal.throwIfAborted()
    const file = join(root, content.sha256.slice(0, 2), content.sha256)
    const what = await lookAt(file, content, onBytes, signal)
    if (what !== null && isStillKnown(content.sha256))
      faults.push({ file, what, usedBy: content.used_by })
  }
  if (!existsSync(root)) return faults
  for (const folder of readdirSync(root, { withFileTypes: true }))
    if (folder.isDirectory() && FOLDER.test(folder.name))
      for (const name of readdirSync(join(root, folder.name)))
        if (!known.has(name) && !isStillKnown(name))
          faults.push({ file: join(root, folder.name, name), what: 'unknown', usedBy: null })
  return faults
}
