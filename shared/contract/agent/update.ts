/** Orders to update an agent, and what the agent reports about its updates. */
import { z } from 'zod'
import { DeviceId, Sha256 } from '../../domain/ids.ts'
import type { DeviceArch, DevicePlatform } from '../../domain/platforms.ts'
import { foreignCode, foreignParams } from './coded.ts'
import { foreignLine } from '../text.ts'

/** GET this path followed by the name of an agent's file: the program. */
export const AGENT_DOWNLOAD_PATH = '/agent/download/'
/** After this many rollbacks, a PC refuses the version. */
export const ROLLBACK_LIMIT = 2
export const AGENT_FILE_NAME = /^deployx-agent-[a-z0-9]+-[a-z0-9]+(?:\.exe)?$/

/** The name under which the agent for a PC is served. */
export function agentFileName(platform: DevicePlatform, arch: DeviceArch): string {
  const system = platform === 'windows' ? 'win' : platform
  return `deployx-agent-${system}-${arch}${platform === 'windows' ? '.exe' : ''}`
}

/** The signed text. It starts with its purpose, so that the signature is valid for nothing else. */
export const updateText = (payload: string): string => 'deployx update v1\n' + payload

export const AgentVersion = foreignLine(64).min(1)
/** An order to update to that version. It holds every field that the agent acts on. */
export const UpdatePayload = z.object({
  device_id: DeviceId,
  /** From the same counter as the device's commands: an earlier order is no longer valid. */
  sequence: z.number().int().positive(),
  issued_at: z.iso.datetime(),
  version: AgentVersion,
  file_name: z.string().max(255).regex(AGENT_FILE_NAME),
  sha256: Sha256,
  size_bytes: z.number().int().positive(),
  /** A path on the hub, fetched from the address the agent is connected to. */
  url: z.string().max(512),
})
export type UpdatePayload = z.infer<typeof UpdatePayload>

/** What an agent reports about its own updates. An agent that leaves it out cannot update itself. */
export const SelfUpdateFacts = z.object({
  /** Why it cannot be updated, as a sentence for people; null: it can. */
  obstacle: foreignLine(300).nullable(),
  /** The obstacle as a code with parameters. Agents of earlier versions send neither. */
  obstacle_code: foreignCode,
  obstacle_params: foreignParams,
  /** The last order that it accepted, and the outcome. */
  last: z
    .object({
      sequence: z.number().int().nonnegative(),
      version: AgentVersion,
      state: z.enum(['working', 'done', 'failed']),
      message: foreignLine(500),
      code: foreignCode,
      params: foreignParams,
    })
    .nullable(),
})
export type SelfUpdateFacts = z.infer<typeof SelfUpdateFacts>

/** File beside the agents that a controller offers, written when they are built. */
export const AGENTS_MANIFEST = 'agents.json'
export const AgentsManifest = z.object({
  agents: z
    .array(
      z.object({
        file_name: z.string().max(255).regex(AGENT_FILE_NAME),
        version: AgentVersion,
        sha256: Sha256,
        size_bytes: z.number().int().positive(),
      }),
    )
    .max(64),
})
export type AgentsManifest = z.infer<typeof AgentsManifest>
