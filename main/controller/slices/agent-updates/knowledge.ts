/**
 * What is known about agent updates: the served files, the outcome of each device's last order, and what keeps its agent from
 * updating. Read by the list of devices, so it exists before them; only this slice changes it.
 */
import { agentFileName } from '#shared/contract/agent/update.ts'
import type { AgentUpdate } from '#shared/contract/rest/devices.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { isNewer } from '#shared/domain/agent-version.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import type { AgentFiles, AgentOffer } from '../../base/agent-files.ts'
import { EMPTY_NOTE, noteOf, shownCode, type Note } from '../../base/coded-note.ts'
import type { Store } from '../../store/store.ts'
import { createAgentUpdatesRepo } from './agent-updates.repo.ts'
import { isUnderWay } from './plan.ts'

export type UpdateKnowledge = ReturnType<typeof createUpdateKnowledge>
type Pc = { platform: DevicePlatform; arch: Parameters<typeof agentFileName>[1] }

export const fileOf = ({ platform, arch }: Pc): string => agentFileName(platform, arch)
export const keyOf = (offer: AgentOffer): string => `${offer.file_name} ${offer.version}`

const STOPPED = noteOf(coded('update_stopped', {}))

export function createUpdateKnowledge(store: Store, agentFiles: AgentFiles) {
  /** The last order of each device. */
  const rows = createAgentUpdatesRepo(store).all()
  /** For linked devices: why one cannot be updated, or null. */
  const obstacles = new Map<DeviceId, Note | null>()
  let offers: AgentOffer[] = []
  /** Versions that have failed too often and are no longer ordered automatically. */
  let stopped: ReadonlySet<string> = new Set()
  const offerFor = (pc: Pc): AgentOffer | undefined =>
    offers.find(({ file_name }) => file_name === fileOf(pc))

  return {
    rows,
    obstacles,
    offers: (): readonly AgentOffer[] => offers,
    offerFor,
    isStopped: (offer: AgentOffer): boolean => stopped.has(keyOf(offer)),
    stop(list: readonly AgentOffer[]): void {
      stopped = new Set(list.map(keyOf))
    },
    /** Reads which files are served. @returns whether they changed */
    refresh(): boolean {
      const before = offers.map(keyOf).join()
      offers = agentFiles.offers()
      return before !== offers.map(keyOf).join()
    },
    /** Null: the agent is up to date, or nothing is known. */
    viewOf(this: void, device: Pc & { id: DeviceId; agent_version: string }): AgentUpdate | null {
      const row = rows.get(device.id)
      if (row && isUnderWay(row)) return { version: row.version, state: 'updating', message: '' }
      const offer = offerFor(device)
      if (!offer || !isNewer(offer.version, device.agent_version)) return null
      const { version } = offer
      if (row?.version === version && row.state === 'failed')
        return { version, state: 'failed', message: row.message, ...shownCode(row) }
      const obstacle = obstacles.get(device.id) ?? null
      if (obstacle !== null)
        return {
          version,
          state: 'unsupported',
          message: obstacle.message,
          ...shownCode(obstacle),
        }
      const note = stopped.has(keyOf(offer)) ? STOPPED : EMPTY_NOTE
      return { version, state: 'available', message: note.message, ...shownCode(note) }
    },
  }
}
