/** Makes the signed commands that agents obey. The agent acts on the payload's text alone. */
import { sign, type KeyObject } from 'node:crypto'
import {
  commandText,
  type CancelDeployment,
  type CommandEnvelope,
  type CommandPayload,
  type DeploySoftware,
} from '#shared/contract/agent-link.ts'
import { splitArguments } from '#shared/domain/argv.ts'
import type { AttemptId, DeviceId, Sha256, TargetId } from '#shared/domain/ids.ts'
import { isoTime, type Now } from '../context.ts'
import type { DeploymentRow, DeploymentsRepo, InstallerRow, TargetRow } from './deployments.repo.ts'

export type CommandSigner = { privateKey: KeyObject; keyId: string }
/** Everything a command is made of. */
type CommandRow = {
  target: TargetRow
  deployment: DeploymentRow
  installer: InstallerRow | null
  software_name: string
}

/** Reads what commands are made of; what many targets share is read once. Made anew for each sending, so it never grows old. */
export function createCommandReader(repo: DeploymentsRepo): (id: TargetId) => CommandRow | null {
  const once = <K, V>(read: (key: K) => V): ((key: K) => V) => {
    const known = new Map<K, V>()
    return (key) => {
      if (!known.has(key)) known.set(key, read(key))
      return known.get(key)!
    }
  }
  const deployment = once(repo.byId)
  const installer = once(repo.installer)
  const softwareName = once(repo.softwareName)
  return (id) => {
    const target = repo.target(id)
    const of = target && deployment(target.deployment_id)
    if (!target || !of) return null
    return {
      target,
      deployment: of,
      installer: target.installer_id === null ? null : (installer(target.installer_id) ?? null),
      software_name: softwareName(target.software_id),
    }
  }
}

export function createCommands(deps: {
  signer: CommandSigner
  now: Now
  /** A path on the hub under which this device, for this attempt, may fetch the content. */
  ticketUrl: (ticket: { attemptId: AttemptId; sha256: Sha256; deviceId: DeviceId }) => string
}) {
  function seal(payload: CommandPayload): CommandEnvelope {
    const text = JSON.stringify(payload)
    return {
      payload: text,
      signature: sign(null, Buffer.from(commandText(text)), deps.signer.privateKey).toString(
        'base64',
      ),
      key_id: deps.signer.keyId,
    }
  }
  const base = ({ target }: CommandRow, attemptId: AttemptId, sequence: number) => ({
    device_id: target.device_id,
    deployment_id: target.deployment_id,
    target_id: target.id,
    attempt: target.attempt,
    attempt_id: attemptId,
    sequence,
    issued_at: isoTime(deps.now()),
  })

  return {
    /** @throws Error when the installer has no content (yet): the plan never offers such a target */
    deploy(row: CommandRow, attemptId: AttemptId, sequence: number): DeploySoftware {
      const { installer, deployment, target } = row
      if (!installer?.sha256 || installer.size_bytes === null)
        throw new Error(`target ${target.id} has no content`)
      const url = deps.ticketUrl({
        attemptId,
        sha256: installer.sha256,
        deviceId: target.device_id,
      })
      const envelope = seal({
        ...base(row, attemptId, sequence),
        action: deployment.action,
        software_name: row.software_name,
        kind: installer.kind,
        file_name: installer.file_name,
        ...splitArguments(installer.install_args, installer.platform),
        url,
        sha256: installer.sha256,
        size_bytes: installer.size_bytes,
        success_exit_codes: installer.success_exit_codes,
        detection: installer.detection ?? null,
        timeout_seconds: deployment.timeout_seconds ?? installer.timeout_seconds,
        reboot: 'never',
      })
      return {
        deployment_id: deployment.id,
        target_id: target.id,
        software_name: row.software_name,
        download_url: url,
        install_args: installer.install_args,
        attempt: target.attempt,
        envelope,
      }
    },
    cancel(row: CommandRow, attemptId: AttemptId, sequence: number): CancelDeployment {
      return {
        deployment_id: row.deployment.id,
        target_id: row.target.id,
        envelope: seal({ ...base(row, attemptId, sequence), action: 'cancel' }),
      }
    },
  }
}
export type Commands = ReturnType<typeof createCommands>
