/** The rule `file`: it is there, and where a hash is given it is that very file. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isAbsolute, join, normalize } from 'node:path'
import { errorCode } from '../lib/atomic-file.ts'
import type { Presence } from '../install/installers.ts'

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** @param installRoot the folder that stands for `/`, or null for the PC itself */
export async function detectFile(
  rule: { path: string; sha256?: string | undefined },
  installRoot: string | null,
): Promise<Presence> {
  if (!isAbsolute(rule.path)) return 'unknown'
  const path = normalize(rule.path)
  const file = installRoot === null ? path : join(installRoot, path)
  try {
    const found = await stat(file)
    if (rule.sha256 === undefined) return 'present'
    if (!found.isFile()) return 'absent'
    return (await sha256Of(file)) === rule.sha256 ? 'present' : 'absent'
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(errorCode(error)) ? 'absent' : 'unknown'
  }
}
