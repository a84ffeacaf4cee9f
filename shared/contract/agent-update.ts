/** How an agent is told to become another version of itself, and what it says of that. */
import { z } from 'zod'
import { DeviceId, Sha256 } from '../domain/ids.ts'
import type { DeviceArch, DevicePlatform } from '../domain/platforms.ts'
import { foreignLine } from './text.ts'

/** GET, followed by the name of an agent's file: the program itself. */
export const AGENT_DOWNLOAD_PATH = '/agent/download/'
/** A version that this PC had to take back so often is not tried there again. */
export const TAKEN_BACK_LIMIT = 2
export const AGENT_FILE_NAME = /^deployx-agent-[a-z0-9]+-[a-z0-9]+(?:\.exe)?$/

/** The name under which the agent for a PC is served. */
export function agentFileName(platform: DevicePlatform, arch: DeviceArch): string {
  const system = platform === 'windows' ? 'win' : platform
  return `deployx-agent-${system}-${arch}${platform === 'windows' ? '.exe' : ''}`
}

/** What is signed. It begins with its purpose, so that no other signature counts for it. */
export const updateText = (payload: string): string => 'deployx update v1\n' + payload

export const AgentVersion = foreignLine(64).min(1)
/** An order to become that version. Everything the agent acts on is in here. */
export const UpdatePayload = z.object({
  device_id: DeviceId,
  /** Of the device's one row of numbers, as with commands: an order of before does not count any more. */
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

/** What an agent says of its own updates, with its other facts. An agent that says nothing cannot update itself. */
export const SelfUpdateFacts = z.object({
  /** Why it cannot be updated where it is, in words; null: it can. */
  obstacle: foreignLine(300).nullable(),
  /** The last order that it accepted, and what became of it. */
  last: z
    .object({
      sequence: z.number().int().nonnegative(),
      version: AgentVersion,
      state: z.enum(['working', 'done', 'failed']),
      message: foreignLine(500),
    })
    .nullable(),
})
export type SelfUpdateFacts = z.infer<typeof SelfUpdateFacts>

/** Beside the agents that a controller serves: `agents.json`, written when they are built. */
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
