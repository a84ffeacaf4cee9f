/** Builds the commands for agents. An agent acts on the signed payload's text alone. */
import {
  commandText,
  type CancelDeployment,
  type CommandEnvelope,
  type CommandPayload,
  type DeployPayload,
  type DeploySoftware,
} from '#shared/contract/agent/link.ts'
import type { WorkConditions } from '#shared/contract/agent/work-conditions.ts'
import { ArchiveCommand, runKind } from '#shared/domain/archives.ts'
import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import type { AttemptId, DeviceId, Sha256 } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../../../base/context.ts'
import { memoized } from '../../../base/memoized.ts'
import type { SealedArguments } from '../../../base/sealed-arguments.ts'
import type {
  DeploymentRow,
  DeploymentsRepo,
  InstallerRow,
  TargetRow,
} from '../tables/deployments.repo.ts'

export type CommandTarget = Pick<
  TargetRow,
  'id' | 'deployment_id' | 'device_id' | 'software_id' | 'installer_id' | 'attempt'
>
/** Everything that a command is built from. */
type CommandRow = {
  target: CommandTarget
  deployment: DeploymentRow
  installer: InstallerRow | null
  /** What the installer alone decides. */
  install: Pick<DeployPayload, 'archive' | 'argv' | 'verbatim' | 'secret_values'>
  software_name: string
}
const StoredArchive = ArchiveCommand.nullable()

/** @throws Error when its secrets cannot be decrypted: the plan never offers such a target */
function installOf(sealed: SealedArguments, row: InstallerRow): CommandRow['install'] {
  const clear = sealed.open(row)
  if (!clear) throw new Error(`the secrets of installer ${row.id} cannot be opened`)
  const secret_values = sealed.valuesOf(row)
  const archive = StoredArchive.parse(row.archive)
  return {
    archive,
    ...splitLine(clear.line, row, archive),
    ...(secret_values.length > 0 && { secret_values }),
  }
}

function splitLine(
  install_args: string,
  { kind, platform }: InstallerRow,
  archive: ArchiveCommand | null,
): ReturnType<typeof splitArguments> {
  try {
    return splitArguments(install_args, platform, runKind(kind, platform, archive?.entry))
  } catch (error) {
    // Stored under the single rule that earlier versions used for all programs.
    if (error instanceof ArgumentSyntaxError) return splitArguments(install_args, platform)
    throw error
  }
}

/** Loads what the commands for these targets need; shared rows are read once. Created for each sending, so it is never stale. */
export function createCommandReader(
  repo: DeploymentsRepo,
  sealed: SealedArguments,
): (target: CommandTarget) => CommandRow | null {
  const deployment = memoized(repo.byId)
  const installer = memoized(repo.installer)
  const softwareName = memoized(repo.softwareName)
  const install = memoized((row: InstallerRow | null) =>
    row ? installOf(sealed, row) : { archive: null, argv: [], verbatim: false },
  )
  return (target) => {
    const of = deployment(target.deployment_id)
    if (!of) return null
    const its = target.installer_id === null ? null : (installer(target.installer_id) ?? null)
    return {
      target,
      deployment: of,
      installer: its,
      install: install(its),
      software_name: softwareName(target.software_id),
    }
  }
}

/** A command whose text still has to be signed. */
export type Unsigned<T> = { text: string; signed: (signature: string) => T }

export function createCommands(deps: {
  keyId: () => string
  now: Now
  /** The path on the hub from which this device may download the content for this attempt. */
  ticketUrl: (ticket: { attemptId: AttemptId; sha256: Sha256; deviceId: DeviceId }) => string
  /** The conditions under which PCs may work, as set now. */
  conditions: () => WorkConditions
}) {
  const base = ({ target }: CommandRow, attemptId: AttemptId, sequence: number) => ({
    device_id: target.device_id,
    deployment_id: target.deployment_id,
    target_id: target.id,
    attempt: target.attempt,
    attempt_id: attemptId,
    sequence,
    issued_at: isoTime(deps.now()),
  })
  function unsigned<T>(
    payload: CommandPayload,
    wrap: (envelope: CommandEnvelope) => T,
  ): Unsigned<T> {
    const text = JSON.stringify(payload)
    // The key that is active at signing, which follows immediately.
    const key_id = deps.keyId()
    return {
      text: commandText(text),
      signed: (signature) => wrap({ payload: text, signature, key_id }),
    }
  }

  /** Where this device gets the package from, and how it recognises it; null: there is nothing to get yet. */
  function sourceOf(
    installer: InstallerRow,
    attemptId: AttemptId,
    deviceId: DeviceId,
  ): Pick<DeployPayload, 'url' | 'sha256' | 'size_bytes'> | null {
    const { fetch_state, source_url, source_sha256, sha256, size_bytes } = installer
    if (fetch_state === 'by_agents')
      return source_url === null || source_sha256 === null
        ? null
        : { url: source_url, sha256: source_sha256, size_bytes: null }
    if (sha256 === null || size_bytes === null) return null
    return { url: deps.ticketUrl({ attemptId, sha256, deviceId }), sha256, size_bytes }
  }

  return {
    /** @throws Error when the installer has no content (yet): the plan never offers such a target */
    deploy(row: CommandRow, attemptId: AttemptId, sequence: number): Unsigned<DeploySoftware> {
      const { installer, deployment, target } = row
      const source = installer && sourceOf(installer, attemptId, target.device_id)
      if (!source) throw new Error(`target ${target.id} has no content`)
      const payload: CommandPayload = {
        ...base(row, attemptId, sequence),
        action: deployment.action,
        software_name: row.software_name,
        kind: installer.kind,
        file_name: installer.file_name,
        ...row.install,
        ...source,
        success_exit_codes: installer.success_exit_codes,
        detection: installer.detection ?? null,
        timeout_seconds: deployment.timeout_seconds ?? installer.timeout_seconds,
        reboot: 'never',
        allow_removals: deployment.allow_removals,
        conditions: deps.conditions(),
      }
      return unsigned(payload, (envelope) => ({
        deployment_id: deployment.id,
        target_id: target.id,
        software_name: row.software_name,
        download_url: source.url,
        install_args: installer.install_args,
        attempt: target.attempt,
        envelope,
      }))
    },
    cancel: (row: CommandRow, attemptId: AttemptId, sequence: number): Unsigned<CancelDeployment> =>
      unsigned({ ...base(row, attemptId, sequence), action: 'cancel' }, (envelope) => ({
        deployment_id: row.deployment.id,
        target_id: row.target.id,
        envelope,
      })),
  }
}
export type Commands = ReturnType<typeof createCommands>
