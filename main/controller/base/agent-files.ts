/**
 * The agents that came with this controller: one file per platform, listed in SHA256SUMS;
 * agents.json contains their versions.
 */
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AGENTS_MANIFEST, AgentsManifest } from '#shared/contract/agent/update.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'

/** The format of `sha256sum`, one file per line. Only these names are ever served. */
const LINE = /^([0-9a-f]{64}) {2}(deployx-agent-[a-z0-9]+-([a-z0-9]+)(?:\.exe)?)$/
const STEM: Record<DevicePlatform, string> = { windows: 'win', linux: 'linux', macos: 'macos' }
const ARCHITECTURES = ['x64', 'arm64'] as const

export type AgentFile = {
  fileName: string
  arch: string
  sha256: string
  path: string
  sizeBytes: number
}
export type AgentFiles = {
  /** The available files for a platform, one per architecture. */
  of: (platform: DevicePlatform) => AgentFile[]
  byName: (fileName: string) => AgentFile | null
  /**
   * Whether the file no longer has the listed SHA-256. Reads it once per file version. @throws
   * errors of the file system
   */
  isDamaged: (file: AgentFile) => Promise<boolean>
  /** Possible updates: files with a known version whose hash matches. */
  offers: () => AgentOffer[]
}
export type AgentOffer = AgentsManifest['agents'][number]

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) hash.update(piece)
  return hash.digest('hex')
}

/** A folder without a manifest, or with an unreadable one, offers no updates. */
export function readManifest(dir: string | null): AgentOffer[] {
  if (dir === null) return []
  try {
    return AgentsManifest.parse(JSON.parse(readFileSync(join(dir, AGENTS_MANIFEST), 'utf8'))).agents
  } catch {
    return []
  }
}

/** @param dir their folder, or null; read each time, so that a new build is found immediately */
export function createAgentFiles(dir: string | null): AgentFiles {
  function byName(fileName: string): AgentFile | null {
    if (dir === null) return null
    try {
      for (const line of readFileSync(join(dir, 'SHA256SUMS'), 'utf8').split('\n')) {
        const [, sha256, name, arch] = LINE.exec(line) ?? []
        if (!sha256 || !name || !arch || name !== fileName) continue
        const path = join(dir, name)
        return { fileName: name, arch, sha256, path, sizeBytes: statSync(path).size }
      }
    } catch {
      // No agent was built here.
    }
    return null
  }
  /**
   * Results per file: change time of its inode, its size, the hash it was compared with, and
   * whether it matches.
   */
  const checked = new Map<string, { version: string; damaged: Promise<boolean> }>()
  async function isDamaged({ fileName, path, sha256 }: AgentFile): Promise<boolean> {
    const { size, mtimeMs, ctimeMs } = await stat(path)
    const version = [size, mtimeMs, ctimeMs, sha256].join('/')
    let known = checked.get(fileName)
    if (known?.version !== version) {
      known = { version, damaged: hashOf(path).then((found) => found !== sha256) }
      checked.set(fileName, known)
      // A failure is not cached: the next request tries again.
      known.damaged.catch(() => checked.delete(fileName))
    }
    return await known.damaged
  }

  return {
    isDamaged,
    of: (platform) =>
      ARCHITECTURES.flatMap((arch) => {
        const ending = platform === 'windows' ? '.exe' : ''
        return byName(`deployx-agent-${STEM[platform]}-${arch}${ending}`) ?? []
      }),
    byName,
    offers: () =>
      readManifest(dir).filter(({ file_name, sha256, size_bytes }) => {
        const file = byName(file_name)
        return file?.sha256 === sha256 && file.sizeBytes === size_bytes
      }),
  }
}
