/**
 * The link between hub and agent: namespace `/agents` over TLS whose key the agent has pinned, and two HTTPS routes beside it
 * (`POST /agent/enroll`, `GET /content/…`).
 *
 * A connection starts with a handshake that proves both sides: the hub emits `challenge`, the agent answers with a signature
 * over the hub's nonce, the hub emits `welcome` with a signature over the agent's nonce. Nothing else is heard before.
 * An acknowledgement to the agent means *committed*, one to the hub means *journalled*.
 */
import { z } from 'zod'
import { ArchiveCommand } from '../domain/archives.ts'
import { AttemptId, DeploymentId, DeviceId, Sha256, TargetId } from '../domain/ids.ts'
import { DeviceArch, DevicePlatform, InstallerKind } from '../domain/platforms.ts'
import { HELD_BY, HeldBy, TargetReason } from '../domain/reasons.ts'
import { SelfUpdateFacts } from './agent-update.ts'
import type { InspectReplyInput } from './agent-inspect.ts'
import { RestartAbility, type RestartReply } from './agent-restart.ts'
import type { Split, SplitDone, SplitReply } from './agent-split.ts'
import { DAMAGE_LIMIT, SequenceStatement, StateDamage } from './agent-state.ts'
import { Detection } from './detection.ts'
import { InventoryHash, InventoryPart } from './inventory.ts'
import { PublicKey, signature } from './keys.ts'
import { foreignLine, foreignLines } from './text.ts'
import { WorkConditions } from './work-conditions.ts'

export { PublicKey }

export const AGENT_NAMESPACE = '/agents'
export const AGENT_PROTOCOL = 1

const nonce = z.string().regex(/^[0-9a-f]{64}$/)
/** What a PC reports about itself: hostile input. */
export const AgentFacts = z.object({
  name: foreignLine(255).min(1),
  platform: DevicePlatform,
  arch: DeviceArch,
  os_version: foreignLine(255),
  agent_version: foreignLine(64),
  free_disk_bytes: z.number().int().nonnegative().nullable(),
  self_update: SelfUpdateFacts.optional(),
})
export type AgentFacts = z.infer<typeof AgentFacts>

// ---- enrolment: POST /agent/enroll -----------------------------------------------------------------------------------

export const ENROLL_PATH = '/agent/enroll'
export const EnrollRequest = z.object({
  protocol: z.number().int().positive(),
  secret: z.string().max(64),
  public_key: PublicKey,
  /** Signature by that key over enrollText(): whoever enrols holds the key. */
  signature,
  facts: AgentFacts,
})
export type EnrollRequest = z.infer<typeof EnrollRequest>
export const EnrollReply = z.object({
  device_id: DeviceId,
  /** The key that signs commands from now on. */
  command_key: PublicKey,
  key_id: z.string().min(1).max(64),
  /** The key that speaks for this controller when its others are lost; see succession.ts. */
  recovery_key: PublicKey,
  generation: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
  addresses: z.array(z.string().max(255)).max(32),
})
export type EnrollReply = z.infer<typeof EnrollReply>

// ---- the handshake ---------------------------------------------------------------------------------------------------

/** Texts that are signed. Each begins with its purpose, so that a signature made for one never counts for another. */
export const enrollText = (fingerprint: string, secret: string, publicKey: string): string =>
  ['deployx enroll v1', fingerprint, secret, publicKey].join('\n')
export const agentProofText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
): string => ['deployx agent proof v1', fingerprint, hubNonce, agentNonce, deviceId].join('\n')
export const hubProofText = (
  fingerprint: string,
  hubNonce: string,
  agentNonce: string,
  deviceId: number,
): string => ['deployx hub proof v1', fingerprint, hubNonce, agentNonce, deviceId].join('\n')
export const commandText = (payload: string): string => 'deployx command v1\n' + payload

/** SHA-256, hex, over what the PC's firmware says of it. Tells PCs apart that carry the same identity, and proves nothing. */
export const HardwareId = z.string().regex(/^[0-9a-f]{64}$/)

export const Challenge = z.object({ protocol: z.number().int().positive(), nonce })
export const Hello = z.object({
  protocol: z.number().int().positive(),
  device_id: DeviceId,
  nonce,
  signature,
  /** Highest sequence of a command it has accepted; the hub continues above it. */
  last_sequence: z.number().int().nonnegative(),
  /** Every attempt it still holds: running, or ended with a result not yet acknowledged. */
  attempts: z.array(AttemptId).max(10_000),
  /** Null: it cannot be told. */
  hardware_id: HardwareId.nullable().default(null),
  /** Left out: it knows nothing of restarts. */
  restart: RestartAbility.optional(),
  /** Records that it has lost since the hub last heard of it. It accepts nothing until `welcome` says where the sequence goes on. */
  damaged: z.array(StateDamage).max(DAMAGE_LIMIT).optional(),
  facts: AgentFacts,
})
export type Hello = z.infer<typeof Hello>
export const Welcome = z.object({
  signature,
  /** Where the hub can be found from now on. */
  addresses: z.array(z.string().max(255)).max(32),
  /** Of the inventory that the hub holds of this device; null: none. Left out by a hub that keeps no inventories. */
  inventory_hash: InventoryHash.nullable().optional(),
  /** Sent where the agent's last sequence is below the hub's, or was lost. */
  sequence: SequenceStatement.optional(),
})
export type Welcome = z.infer<typeof Welcome>

// ---- commands: hub → agent -------------------------------------------------------------------------------------------

export const CommandEnvelope = z.object({
  /** The exact text that was signed (JSON of CommandPayload). The agent acts on this alone. */
  payload: z.string().max(256 * 1024),
  signature,
  key_id: z.string().max(64),
})
export type CommandEnvelope = z.infer<typeof CommandEnvelope>

const commandBase = z.object({
  device_id: DeviceId,
  deployment_id: DeploymentId,
  target_id: TargetId,
  attempt: z.number().int().positive(),
  attempt_id: AttemptId,
  sequence: z.number().int().positive(),
  issued_at: z.iso.datetime(),
})
export const DeployPayload = commandBase.extend({
  action: z.enum(['install', 'uninstall']),
  software_name: z.string(),
  kind: InstallerKind,
  /** What is run of an archive; null for every other kind. */
  archive: ArchiveCommand.nullable().default(null),
  file_name: z.string().min(1).max(255),
  argv: z.array(z.string().max(8192)).max(512),
  verbatim: z.boolean(),
  /** A path on the hub (`/content/…`, fetched from the address it is connected to), or an absolute http(s) address. */
  url: z.string().max(4096),
  sha256: Sha256,
  size_bytes: z.number().int().nonnegative(),
  success_exit_codes: z.array(z.number().int()).max(50),
  detection: Detection.nullable(),
  timeout_seconds: z.number().int().positive(),
  reboot: z.enum(['never', 'if_needed']),
  /** Whether other software may be removed or put back to an older version along with it. */
  allow_removals: z.boolean().default(false),
  /**
   * Looked at before the download and again before the installer starts; what cannot be told holds nobody back. An older
   * agent works in any.
   */
  conditions: WorkConditions,
})
export type DeployPayload = z.infer<typeof DeployPayload>
export const CancelPayload = commandBase.extend({ action: z.literal('cancel') })
export type CancelPayload = z.infer<typeof CancelPayload>
export const CommandPayload = z.discriminatedUnion('action', [
  DeployPayload.extend({ action: z.literal('install') }),
  DeployPayload.extend({ action: z.literal('uninstall') }),
  CancelPayload,
])
export type CommandPayload = z.infer<typeof CommandPayload>

/** See agent-inspect.ts for what its envelope holds. */
export const InspectDevice = z.object({ envelope: CommandEnvelope })
export type InspectDevice = z.infer<typeof InspectDevice>
/** See agent-restart.ts for what its envelope holds. */
export const RestartDevice = z.object({ deployment_id: DeploymentId, envelope: CommandEnvelope })
export type RestartDevice = z.infer<typeof RestartDevice>

/** The plain fields beside the envelope are for people and logs and are never acted on. */
export const DeploySoftware = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  software_name: z.string(),
  download_url: z.string(),
  install_args: z.string(),
  attempt: z.number().int(),
  envelope: CommandEnvelope,
})
export type DeploySoftware = z.infer<typeof DeploySoftware>
export const CancelDeployment = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  envelope: CommandEnvelope,
})
export type CancelDeployment = z.infer<typeof CancelDeployment>
/** Its envelope holds an UpdatePayload, signed over updateText(): see agent-update.ts. */
export const UpdateAgent = z.object({ version: z.string(), envelope: CommandEnvelope })
export type UpdateAgent = z.infer<typeof UpdateAgent>

/** accepted = it is in the journal (also when it already was). A refusal names why and is final for this envelope. */
export const CommandReply = z.discriminatedUnion('accepted', [
  z.object({ accepted: z.literal(true) }),
  z.object({
    accepted: z.literal(false),
    why: z.enum([
      'malformed',
      'bad_signature',
      'wrong_device',
      'replayed',
      'unknown_attempt',
      'busy',
      'unsupported',
      // The circumstances of this moment: to be offered again.
      ...HELD_BY,
    ]),
    message: foreignLines(1000),
  }),
])
export type CommandReply = z.infer<typeof CommandReply>

// ---- reports: agent → hub --------------------------------------------------------------------------------------------

export const DeploymentResult = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  attempt: z.number().int().positive(),
  attempt_id: AttemptId,
  status: z.enum(['success', 'failed', 'skipped']),
  message: foreignLines(2000),
  error_details: foreignLines(16 * 1024).optional(),
  exit_code: z.number().int().optional(),
  reason: TargetReason.optional(),
})
export type DeploymentResult = z.infer<typeof DeploymentResult>

export const DeploymentProgress = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  attempt: z.number().int().positive(),
  attempt_id: AttemptId,
  phase: z.enum(['downloading', 'verifying', 'installing']),
  bytes: z.number().int().nonnegative().optional(),
  total_bytes: z.number().int().nonnegative().optional(),
  reason: TargetReason.optional(),
  /** It gives the attempt back, nothing of it was started: offer it again. It is forgotten once this is committed. */
  held_by: HeldBy.optional(),
})
export type DeploymentProgress = z.infer<typeof DeploymentProgress>

export const DeploymentOutput = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  attempt: z.number().int().positive(),
  attempt_id: AttemptId,
  /** Counts from 1 within the attempt; a piece that was already recorded is ignored. */
  seq: z.number().int().positive(),
  /** As the installer wrote it; whoever shows it makes control characters visible. */
  text: z.string().max(64 * 1024),
})
export type DeploymentOutput = z.infer<typeof DeploymentOutput>

export const InventoryReport = z.object({ facts: AgentFacts, inventory: InventoryPart.optional() })
export type InventoryReport = z.infer<typeof InventoryReport>

/** committed: it is on disk, or was there before, or will never be wanted; either way the agent may forget it. */
export const ReportReply = z.object({
  committed: z.boolean(),
  message: z.string().max(1000).optional(),
  /** Of an inventory: the hub does not have what the differences are to. It has to be told everything. */
  resend: z.boolean().optional(),
})
export type ReportReply = z.infer<typeof ReportReply>

export const agentEvents = {
  deployment_result: DeploymentResult,
  deployment_progress: DeploymentProgress,
  deployment_output: DeploymentOutput,
  inventory_report: InventoryReport,
} as const
export type AgentEventName = keyof typeof agentEvents

type Ack<T> = (reply: T) => void
/** Event maps for Socket.IO. Bodies are `unknown` where they arrive: whoever receives parses first. */
export type AgentToHub = {
  deployment_result: (body: DeploymentResult, ack: Ack<ReportReply>) => void
  deployment_progress: (body: DeploymentProgress, ack: Ack<ReportReply>) => void
  deployment_output: (body: DeploymentOutput, ack: Ack<ReportReply>) => void
  inventory_report: (body: InventoryReport, ack: Ack<ReportReply>) => void
}
export type HubToAgent = {
  challenge: (body: z.infer<typeof Challenge>, ack: Ack<Hello>) => void
  welcome: (body: z.infer<typeof Welcome>, ack: Ack<{ ok: boolean }>) => void
  /** Sent before the hub closes the link on purpose; `retry: false` means the agent is not wanted here. */
  refused: (body: { message: string; retry: boolean }) => void
  /** An agent closes a link before it opens another: whoever answers this on an older link lives beside the newcomer. */
  still_there: (ack: Ack<{ ok: true }>) => void
  split: (body: z.infer<typeof Split>, ack: Ack<SplitReply>) => void
  split_done: (body: z.infer<typeof SplitDone>, ack: Ack<{ ok: boolean }>) => void
  deploy_software: (body: DeploySoftware, ack: Ack<CommandReply>) => void
  cancel_deployment: (body: CancelDeployment, ack: Ack<CommandReply>) => void
  update_agent: (body: UpdateAgent, ack: Ack<CommandReply>) => void
  inspect_device: (body: InspectDevice, ack: Ack<InspectReplyInput>) => void
  restart_device: (body: RestartDevice, ack: Ack<RestartReply>) => void
}
