/**
 * The link between hub and agent: namespace `/agents` over TLS with a pinned key, and two HTTPS routes beside it
 * (`POST /agent/enroll`, `GET /content/…`).
 *
 * A connection starts with a handshake that authenticates both sides: the hub emits `challenge`, the agent answers with a
 * signature over the hub's nonce, the hub emits `welcome` with a signature over the agent's nonce. Other messages are ignored
 * until then. An acknowledgement to the agent means *committed*, one to the hub means *journalled*.
 */
import { z } from 'zod'
import { ArchiveCommand } from '../../domain/archives.ts'
import { AttemptId, DeploymentId, DeviceId, Sha256, TargetId } from '../../domain/ids.ts'
import { DeviceArch, DevicePlatform, InstallerKind } from '../../domain/platforms.ts'
import { DEFER_REASONS, DeferReason, TargetReason } from '../../domain/reasons.ts'
import { foreignCode, foreignParams } from './coded.ts'
import { SelfUpdateFacts } from './update.ts'
import type { InspectReplyInput } from './inspect.ts'
import { RestartAbility, type RestartReply } from './restart.ts'
import type { Split, SplitDone, SplitReply } from './split.ts'
import { DAMAGE_LIMIT, SequenceStatement, StateDamage } from './state.ts'
import { Detection } from '../detection.ts'
import { InventoryHash, InventoryPart } from '../inventory.ts'
import { PublicKey, signature } from '../keys.ts'
import { foreignLine, foreignLines } from '../text.ts'
import { WorkConditions } from './work-conditions.ts'

export { PublicKey }

export const AGENT_NAMESPACE = '/agents'
export const AGENT_PROTOCOL = 1

const nonce = z.string().regex(/^[0-9a-f]{64}$/)
/** What a PC reports about itself. Hostile input. */
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
  /** By that key, over enrollText(): proves possession of the key. */
  signature,
  facts: AgentFacts,
})
export type EnrollRequest = z.infer<typeof EnrollRequest>
export const EnrollReply = z.object({
  device_id: DeviceId,
  /** The key that signs commands from now on. */
  command_key: PublicKey,
  key_id: z.string().min(1).max(64),
  /** The key that identifies this controller if the others are lost; see succession.ts. */
  recovery_key: PublicKey,
  generation: z.number().int().nonnegative(),
  epoch: z.number().int().nonnegative(),
  addresses: z.array(z.string().max(255)).max(32),
})
export type EnrollReply = z.infer<typeof EnrollReply>

// ---- the handshake ---------------------------------------------------------------------------------------------------

/** Signed texts. Each starts with its purpose, so that a signature made for one is never valid for another. */
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

/** SHA-256, hex, over the firmware's UUID. Distinguishes PCs with a duplicate identity; it proves nothing. */
export const HardwareId = z.string().regex(/^[0-9a-f]{64}$/)

export const Challenge = z.object({ protocol: z.number().int().positive(), nonce })
export const Hello = z.object({
  protocol: z.number().int().positive(),
  device_id: DeviceId,
  nonce,
  signature,
  /** Highest sequence of a command that it accepted; the hub continues above it. */
  last_sequence: z.number().int().nonnegative(),
  /** Every attempt it still holds: running, or ended with a result not yet acknowledged. */
  attempts: z.array(AttemptId).max(10_000),
  /** Null: unknown. */
  hardware_id: HardwareId.nullable().default(null),
  /** Left out: the agent is too old to restart its PC. */
  restart: RestartAbility.optional(),
  /** Types of the detection rules that it can read. Left out: EARLIEST_RULE_TYPES. */
  rule_types: z
    .array(z.string().regex(/^[a-z0-9_]{1,64}$/))
    .max(100)
    .optional(),
  /** Records lost since the last connection. The agent accepts no command until `welcome` states the last sequence. */
  damaged: z.array(StateDamage).max(DAMAGE_LIMIT).optional(),
  facts: AgentFacts,
})
export type Hello = z.infer<typeof Hello>
export const Welcome = z.object({
  signature,
  /** Addresses of the hub from now on. */
  addresses: z.array(z.string().max(255)).max(32),
  /** Hash of the inventory that the hub holds for this device; null: none. Left out by a hub without inventories. */
  inventory_hash: InventoryHash.nullable().optional(),
  /** Sent if the agent's last sequence is below the hub's, or was lost. */
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
  /** What to run in an archive; null for every other kind. */
  archive: ArchiveCommand.nullable().default(null),
  file_name: z.string().min(1).max(255),
  argv: z.array(z.string().max(8192)).max(512),
  /** Parts of `argv` that must not stay on the PC or be reported. Left out: none, or an older hub. */
  secret_values: z.array(z.string().max(8192)).max(4096).optional(),
  verbatim: z.boolean(),
  /** A path on the hub (`/content/…`, fetched from the address it is connected to), or an absolute http(s) address. */
  url: z.string().max(4096),
  sha256: Sha256,
  /** Null: not known, at most UPLOAD_LIMIT_BYTES. Only for addresses other than the hub's. */
  size_bytes: z.number().int().nonnegative().nullable(),
  success_exit_codes: z.array(z.number().int()).max(50),
  detection: Detection.nullable(),
  timeout_seconds: z.number().int().positive(),
  /** Reserved: always `never`. Restarts are ordered separately, after the packages; see restart.ts. */
  reboot: z.enum(['never', 'if_needed']),
  /** Whether the installation may remove or downgrade other software. */
  allow_removals: z.boolean().default(false),
  /**
   * Checked before the download and again before the installer starts. An unknown condition never defers work. Older agents
   * ignore them.
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

/** Its envelope holds an InspectPayload (agent-inspect.ts). */
export const InspectDevice = z.object({ envelope: CommandEnvelope })
export type InspectDevice = z.infer<typeof InspectDevice>
/** Its envelope holds a RestartPayload (agent-restart.ts). */
export const RestartDevice = z.object({ deployment_id: DeploymentId, envelope: CommandEnvelope })
export type RestartDevice = z.infer<typeof RestartDevice>

/** The plain fields beside the envelope are for people and logs; the agent never acts on them. */
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

/** `accepted`: it is in the journal, now or already before. A refusal is final for this envelope. */
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
      // Temporary conditions: the hub offers it again.
      ...DEFER_REASONS,
    ]),
    message: foreignLines(1000),
    /** The message as a code with parameters. Agents of earlier versions send neither. */
    code: foreignCode,
    params: foreignParams,
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
  /** The message as a code with parameters. Agents of earlier versions send neither. */
  result_code: foreignCode,
  result_params: foreignParams,
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
  /** The agent defers the attempt before it started: offer it again. The agent drops it once this is committed. */
  held_by: DeferReason.optional(),
})
export type DeploymentProgress = z.infer<typeof DeploymentProgress>

export const DeploymentOutput = z.object({
  deployment_id: DeploymentId,
  target_id: TargetId,
  attempt: z.number().int().positive(),
  attempt_id: AttemptId,
  /** Counts from 1 within the attempt; a piece already recorded is ignored. */
  seq: z.number().int().positive(),
  /** As the installer wrote it; readers must make control characters visible. */
  text: z.string().max(64 * 1024),
})
export type DeploymentOutput = z.infer<typeof DeploymentOutput>

export const InventoryReport = z.object({ facts: AgentFacts, inventory: InventoryPart.optional() })
export type InventoryReport = z.infer<typeof InventoryReport>

/** `committed`: it is on disk, or will never be accepted. In both cases the agent may delete it. */
export const ReportReply = z.object({
  committed: z.boolean(),
  message: z.string().max(1000).optional(),
  /** Of an inventory: the hub lacks the base of the difference. Send everything. */
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
/** Event maps for Socket.IO. Received bodies are `unknown`: parse them first. */
export type AgentToHub = {
  deployment_result: (body: DeploymentResult, ack: Ack<ReportReply>) => void
  deployment_progress: (body: DeploymentProgress, ack: Ack<ReportReply>) => void
  deployment_output: (body: DeploymentOutput, ack: Ack<ReportReply>) => void
  inventory_report: (body: InventoryReport, ack: Ack<ReportReply>) => void
}
export type HubToAgent = {
  challenge: (body: z.infer<typeof Challenge>, ack: Ack<Hello>) => void
  welcome: (body: z.infer<typeof Welcome>, ack: Ack<{ ok: boolean }>) => void
  /** Sent before the hub closes the link; `retry: false` means that the agent is refused for good. */
  refused: (body: { message: string; retry: boolean }) => void
  /** An agent closes its link before it opens another: an answer on an older link comes from a second PC. */
  still_there: (ack: Ack<{ ok: true }>) => void
  split: (body: z.infer<typeof Split>, ack: Ack<SplitReply>) => void
  split_done: (body: z.infer<typeof SplitDone>, ack: Ack<{ ok: boolean }>) => void
  deploy_software: (body: DeploySoftware, ack: Ack<CommandReply>) => void
  cancel_deployment: (body: CancelDeployment, ack: Ack<CommandReply>) => void
  update_agent: (body: UpdateAgent, ack: Ack<CommandReply>) => void
  inspect_device: (body: InspectDevice, ack: Ack<InspectReplyInput>) => void
  restart_device: (body: RestartDevice, ack: Ack<RestartReply>) => void
}
