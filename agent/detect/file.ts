/**
 * The rule `file`: the file exists and, if a hash or a version is given, matches it. The version is unknown
 * for everything but Windows programs.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { isAbsolute, join, normalize } from 'node:path'
import type { Detection } from '#shared/contract/detection.ts'
import { readProgram } from '#shared/domain/portable-executable.ts'
import { errorCode } from '../lib/atomic-file.ts'
import type { Presence } from '../install/installers.ts'
import { compareDotted } from '#shared/domain/versions.ts'

type FileRule = Omit<Extract<Detection, { type: 'file' }>, 'type'>

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** The version of a Windows program, or null. */
async function versionOf(file: string): Promise<string | null> {
  const handle = await open(file, 'r')
  try {
    const program = await readProgram(async (position, length) => {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position)
      return buffer.subarray(0, bytesRead)
    })
    return program?.fileVersion ?? null
  } finally {
    await handle.close()
  }
}

/** @param installRoot the folder to use as `/`, or null for the PC itself */
export async function detectFile(rule: FileRule, installRoot: string | null): Promise<Presence> {
  if (!isAbsolute(rule.path)) return 'unknown'
  const path = normalize(rule.path)
  const file = installRoot === null ? path : join(installRoot, path)
  try {
    const found = await stat(file)
    if (rule.sha256 === undefined && !rule.version) return 'present'
    if (!found.isFile()) return 'absent'
    if (rule.version) {
      const version = await versionOf(file)
      if (version === null) return 'unknown'
      const order = compareDotted(version, rule.version)
      if (rule.operator === 'eq' ? order !== 0 : order < 0) return 'absent'
    }
    return rule.sha256 === undefined || (await sha256Of(file)) === rule.sha256
      ? 'present'
      : 'absent'
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(errorCode(error)) ? 'absent' : 'unknown'
  }
}
