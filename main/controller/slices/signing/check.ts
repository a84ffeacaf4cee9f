/**
 * What may be signed: the hub's proofs, its statements about used sequences, queries to agents,
 * pending restarts, separations of a duplicate identity, ends of the audit log, agent updates to
 * the served files, and commands that match the store exactly. Reads the database through a
 * read-only connection of its own.
 */
import { isDeepStrictEqual } from 'node:util'
import Database from 'better-sqlite3'
import type { z } from 'zod'
import { InspectPayload, inspectText } from '#shared/contract/agent/inspect.ts'
import { CommandPayload, commandText, type DeployPayload } from '#shared/contract/agent/link.ts'
import { Detection } from '#shared/contract/detection.ts'
import { ArchiveCommand } from '#shared/domain/archives.ts'
import {
  AGENT_DOWNLOAD_PATH,
  agentFileName,
  UpdatePayload,
  updateText,
} from '#shared/contract/agent/update.ts'
import { isNewer } from '#shared/domain/agent-version.ts'
import type { DeviceArch, DevicePlatform } from '#shared/domain/platforms.ts'
import { readManifest } from '../../base/agent-files.ts'
import { restartText } from '#shared/contract/agent/restart.ts'
import { createRestartCheck } from './check-restart.ts'

/** See headText in ../audit/chain.ts: purpose, entry, its hash, time. */
const AUDIT_HEAD = /^deployx audit head v1\n(\d+)\n([0-9a-f]{64})\n[0-9T:.Z-]+$/
const COMMAND = commandText('')
const INSPECT = inspectText('')
const UPDATE = updateText('')
const RESTART = restartText('')
/** See hubProofText: purpose, fingerprint, two nonces, device. */
const HUB_PROOF =
  /^deployx hub proof v1\nsha256\/[A-Za-z0-9+/=]{44}\n[0-9a-f]{64}\n[0-9a-f]{64}\n\d+$/
/** See splitText: like a hub proof, for another purpose. */
const SPLIT = /^deployx split v1\nsha256\/[A-Za-z0-9+/=]{44}\n[0-9a-f]{64}\n[0-9a-f]{64}\n\d+$/
/** See splitDoneText: the old device, the new one, and the new one's key. */
const SPLIT_DONE =
  /^deployx split done v1\nsha256\/[A-Za-z0-9+/=]{44}\n[0-9a-f]{64}\n[0-9a-f]{64}\n(\d+)\n(\d+)\n([A-Za-z0-9+/=]+)$/
/** See sequenceText: like a hub proof, plus the last sequence. */
const SEQUENCE =
  /^deployx sequence v1\nsha256\/[A-Za-z0-9+/=]{44}\n[0-9a-f]{64}\n[0-9a-f]{64}\n(\d+)\n(\d+)$/

type TargetRow = {
  deployment_id: number
  device_id: number
  installer_id: number | null
  attempt: number
  attempt_id: string | null
  deployment_status: string
  offered_at_ms: number | null
}
type DeploymentRow = { status: string; action: string; canceling: 0 | 1 }
type InstallerRow = {
  kind: string
  sha256: string | null
  size_bytes: number | null
  archive: string | null
  detection: string | null
  fetch_state: string
  source_url: string | null
  source_sha256: string | null
}

type UpdateRow = {
  version: string
  sequence: number
  platform: DevicePlatform
  arch: DeviceArch
  agent_version: string
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A JSON column that may be null; undefined: it is not what the schema says. */
function readColumn<T>(schema: z.ZodType<T>, stored: string | null): T | null | undefined {
  if (stored === null || stored === 'null') return null
  const parsed = schema.safeParse(parse(stored))
  return parsed.success ? parsed.data : undefined
}

/**
 * Remembers what was read until `forget`. Commands are signed many at a time, and most are about the
 * same deployment and package.
 */
function createOnce() {
  const memories: Map<unknown, unknown>[] = []
  return {
    once: <K, V>(read: (key: K) => V): ((key: K) => V) => {
      const known = new Map<unknown, unknown>()
      memories.push(known)
      return (key) => {
        if (!known.has(key)) known.set(key, read(key))
        return known.get(key) as V
      }
    },
    forget: (): void => memories.forEach((known) => known.clear()),
  }
}

/**
 * @param agentsDir the agents that this controller serves, or null
 * @returns for each text, judged by the same state of the store, whether it may be signed. @throws
 *   what the database throws
 */
export function createCheck(
  databaseFile: string,
  agentsDir: string | null,
): (texts: readonly string[]) => boolean[] {
  const { once, forget } = createOnce()
  const db = new Database(databaseFile, { readonly: true, timeout: 5_000 })
  const target = db.prepare<[number], TargetRow>(
    'select deployment_id, device_id, installer_id, attempt, attempt_id, deployment_status, offered_at_ms from deployment_targets where id = ?',
  )
  const deploymentById = db.prepare<[number], DeploymentRow>(
    'select status, action, canceling from deployments where id = ?',
  )
  const deployment = once((id: number) => deploymentById.get(id))
  const installerById = db.prepare<[number], InstallerRow>(
    'select kind, sha256, size_bytes, archive, detection, fetch_state, source_url, source_sha256 from installers where id = ?',
  )
  const installer = once((id: number) => {
    const row = installerById.get(id)
    return (
      row && {
        ...row,
        archive: readColumn(ArchiveCommand, row.archive),
        detection: readColumn(Detection, row.detection),
      }
    )
  })

  const setting = db.prepare<[string], string>('select value from settings where name = ?').pluck()
  /** As an administrator has configured it; see ../settings. The default is to allow. */
  const mayWork = once((name: string) => parse(setting.get(name) ?? 'true') !== false)

  const update = db.prepare<[number], UpdateRow>(
    `select u.version, u.sequence, d.platform, d.arch, d.agent_version from agent_updates u join devices d on d.id = u.device_id
     where u.device_id = ? and u.state = 'ordered' and d.approved = 1 and d.blocked = 0 and d.deleted_at is null`,
  )
  /**
   * An order that is in the store, is not a downgrade, and names exactly the file served for such a
   * PC.
   */
  function isUpdate(text: string): boolean {
    const parsed = UpdatePayload.safeParse(parse(text))
    if (!parsed.success) return false
    const { device_id, sequence, version, file_name, sha256, size_bytes, url } = parsed.data
    const row = update.get(device_id)
    return (
      row?.version === version &&
      row.sequence === sequence &&
      isNewer(version, row.agent_version) &&
      file_name === agentFileName(row.platform, row.arch) &&
      url === AGENT_DOWNLOAD_PATH + file_name &&
      readManifest(agentsDir).some(
        (offer) =>
          offer.file_name === file_name &&
          offer.version === version &&
          offer.sha256 === sha256 &&
          offer.size_bytes === size_bytes,
      )
    )
  }

  const auditEntry = db
    .prepare<[number], string | null>('select hash from audit_log where id = ?')
    .pluck()

  const splitDevice = db.prepare<[number], { public_key: string; split_from: number | null }>(
    'select public_key, split_from from devices where id = ? and deleted_at is null',
  )
  /** An agent may become only the device that the store names, under that device's key. */
  function isSplit([, from, id, publicKey]: RegExpExecArray): boolean {
    const row = splitDevice.get(Number(id))
    return row?.public_key === publicKey && row?.split_from === Number(from)
  }

  const lastSequence = db
    .prepare<[number], number>('select last_sequence from devices where id = ?')
    .pluck()
  /**
   * Never above the highest sequence in use: an agent that accepted a higher one would refuse every
   * command.
   */
  const isSequence = ([, id, last]: RegExpExecArray): boolean =>
    Number(last) <= (lastSequence.get(Number(id)) ?? -1)

  const scripts = db
    .prepare<[string], string>(
      `select detection from installers where detection ->> '$.type' = 'script' and detection ->> '$.text' = ?`,
    )
    .pluck()
  /** A query runs its script: only scripts that the store has as detection rules are allowed. */
  const isKnownRule = (rule: Detection | null): boolean =>
    rule?.type !== 'script' ||
    scripts.all(rule.text).some((stored) => isDeepStrictEqual(readColumn(Detection, stored), rule))

  /** The file that the controller serves, or the one that a person named by its address and hash. */
  function isSource(
    { url, sha256, size_bytes }: DeployPayload,
    content: Pick<
      InstallerRow,
      'fetch_state' | 'source_url' | 'source_sha256' | 'sha256' | 'size_bytes'
    >,
  ): boolean {
    return content.fetch_state === 'by_agents'
      ? url === content.source_url && sha256 === content.source_sha256 && size_bytes === null
      : url.startsWith('/') && sha256 === content.sha256 && size_bytes === content.size_bytes
  }

  /**
   * Exactly the package that the store has for this target, and nothing that runs elsewhere or was
   * cancelled.
   */
  function isOffered(payload: DeployPayload, of: TargetRow): boolean {
    const parent = deployment(of.deployment_id)
    const content = of.installer_id === null ? undefined : installer(of.installer_id)
    return (
      of.deployment_status === 'pending' &&
      of.offered_at_ms !== null &&
      parent?.status === 'in_progress' &&
      parent.canceling === 0 &&
      parent.action === payload.action &&
      content !== undefined &&
      isSource(payload, content) &&
      content.kind === payload.kind &&
      payload.conditions.on_battery === mayWork('work_on_battery') &&
      payload.conditions.on_metered === mayWork('work_on_metered') &&
      isDeepStrictEqual(content.archive, payload.archive) &&
      isDeepStrictEqual(content.detection, payload.detection)
    )
  }

  function isStored(text: string): boolean {
    const parsed = CommandPayload.safeParse(parse(text))
    if (!parsed.success) return false
    const payload = parsed.data
    const row = target.get(payload.target_id)
    if (
      !row ||
      row.deployment_id !== payload.deployment_id ||
      row.device_id !== payload.device_id ||
      row.attempt !== payload.attempt ||
      row.attempt_id !== payload.attempt_id
    )
      return false
    if (payload.action === 'cancel') return deployment(row.deployment_id)?.canceling === 1
    return isOffered(payload, row)
  }

  const isRestartStored = createRestartCheck(db)

  function mayBeSigned(text: string): boolean {
    if (text.startsWith(COMMAND)) return isStored(text.slice(COMMAND.length))
    if (text.startsWith(RESTART)) return isRestartStored(parse(text.slice(RESTART.length)))
    if (text.startsWith(UPDATE)) return isUpdate(text.slice(UPDATE.length))
    if (text.startsWith(INSPECT)) {
      const question = InspectPayload.safeParse(parse(text.slice(INSPECT.length)))
      return question.success && question.data.detections.every(isKnownRule)
    }
    const head = AUDIT_HEAD.exec(text)
    if (head) return auditEntry.get(Number(head[1])) === head[2]
    const split = SPLIT_DONE.exec(text)
    if (split) return isSplit(split)
    const sequence = SEQUENCE.exec(text)
    if (sequence) return isSequence(sequence)
    return HUB_PROOF.test(text) || SPLIT.test(text)
  }
  // One read transaction: beginning one for each statement would cost more than the statements.
  const judge = db.transaction((texts: readonly string[]) => texts.map(mayBeSigned))
  return (texts) => {
    try {
      return judge(texts)
    } finally {
      forget()
    }
  }
}
