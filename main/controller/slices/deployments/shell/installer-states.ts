/** Whether packages can be sent, as the plan sees it. */
import { coded, readCoded, type CodedText } from '#shared/domain/coded-texts/codes.ts'
import type { DeploymentId, InstallerId } from '#shared/domain/ids.ts'
import { paramsOf } from '../../../base/coded-note.ts'
import type { FileFault } from '../../content/index.ts'
import type { PlanInstaller } from '../core/plan.ts'
import type { DeploymentsRepo, InstallerRow } from '../tables/deployments.repo.ts'

/** `fault`: why its file cannot be sent now. An agent may have it already. */
export type InstallerState = { state: PlanInstaller; fault: FileFault | null }
export const NO_INSTALLER: InstallerState = { state: { state: 'none' }, fault: null }

export const FILE_FAULTS: Record<FileFault, PlanInstaller> = {
  missing: { state: 'failed', reason: 'download_failed', text: coded('file_missing', {}) },
  damaged: { state: 'failed', reason: 'integrity', text: coded('file_damaged', {}) },
}

const SECRETS_LOST_STATE: PlanInstaller = {
  state: 'failed',
  reason: 'internal',
  text: coded('secrets_lost', {}),
}

/** Rows of earlier versions have no code. */
function failureOf({ fetch_message, fetch_code, fetch_params }: InstallerRow): CodedText {
  const text = readCoded(fetch_code, paramsOf(fetch_params))
  if (text !== null) return text
  return fetch_message === null
    ? coded('package_not_fetched', {})
    : coded('package_not_fetched_because', { problem: fetch_message })
}

function fetchState(installer: InstallerRow | undefined): PlanInstaller {
  switch (installer?.fetch_state) {
    case undefined:
      return { state: 'none' }
    case 'none':
    case 'ready':
    case 'by_agents':
      return { state: 'ready' }
    case 'fetching':
      return { state: 'fetching' }
    case 'failed':
      return {
        state: 'failed',
        reason: installer?.fetch_reason ?? 'download_failed',
        text: failureOf(installer),
      }
  }
}

export function createInstallerStates(deps: {
  repo: Pick<DeploymentsRepo, 'byId' | 'installer'>
  /** Why this installer's file cannot be sent. */
  fileFault: (installer: InstallerRow) => FileFault | null
  /** Whether secrets in its arguments cannot be decrypted. */
  areSecretsLost: (installer: InstallerRow) => boolean
}) {
  const { repo } = deps
  /** The state of an installer for the open targets of this deployment. */
  return (id: InstallerId, deployment: DeploymentId): InstallerState => {
    const row = repo.installer(id)
    const state = fetchState(row)
    if (row === undefined || state.state !== 'ready') return { state, fault: null }
    if (deps.areSecretsLost(row)) return { state: SECRETS_LOST_STATE, fault: null }
    // Removing needs no file.
    const isSent = repo.byId(deployment)?.action === 'install'
    return { state, fault: isSent ? deps.fileFault(row) : null }
  }
}
