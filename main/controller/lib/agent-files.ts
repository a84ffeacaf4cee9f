/** The agents that came with this controller: one file per platform, listed in SHA256SUMS; agents.json tells their versions. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AGENTS_MANIFEST, AgentsManifest } from '#shared/contract/agent-update.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'

/** `sha256sum`'s own format, one file a line. Only these names are ever served. */
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
  /** Those for a platform that are here, one per architecture. */
  of: (platform: DevicePlatform) => AgentFile[]
  byName: (fileName: string) => AgentFile | null
  /** What may be offered as an update: files whose version is known and whose hash is the served one. */
  offers: () => AgentOffer[]
}
export type AgentOffer = AgentsManifest['agents'][number]

/** A folder without a manifest, or with one that cannot be read, offers no updates. */
export function readManifest(dir: string | null): AgentOffer[] {
  if (dir === null) return []
  try {
    return AgentsManifest.parse(JSON.parse(readFileSync(join(dir, AGENTS_MANIFEST), 'utf8'))).agents
  } catch {
    return []
  }
}

/** @param dir their folder, or null; read anew each time, so that a build is seen at once */
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
      // None was built here.
    }
    return null
  }
  return {
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
