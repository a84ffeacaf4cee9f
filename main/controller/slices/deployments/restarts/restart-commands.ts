/** The restart order for an agent, and its withdrawal. The agent acts on the signed payload's text alone. */
import { restartText, type RestartPayload, type BootId } from '#shared/contract/agent/restart.ts'
import type { RestartDevice } from '#shared/contract/agent/link.ts'
import { isoTime } from '../../../base/context.ts'
import type { DeploymentRow } from '../tables/deployments.repo.ts'
import type { RestartRow } from './restarts.repo.ts'

/** @returns the text to sign, and the message to send once it is signed */
export function restartCommand(
  row: RestartRow,
  deployment: Pick<DeploymentRow, 'id' | 'name' | 'reboot_delay_minutes'>,
  sequence: number,
  nowMs: number,
): { text: string; signed: (signature: string, keyId: string) => RestartDevice } {
  const base = {
    device_id: row.device_id,
    deployment_id: deployment.id,
    restart_id: row.restart_id,
    sequence,
    issued_at: isoTime(nowMs),
  }
  const payload: RestartPayload =
    row.calling_off === null
      ? {
          ...base,
          action: 'restart',
          boot_id: row.boot_id as BootId,
          delay_seconds: deployment.reboot_delay_minutes * 60,
          deployment_name: deployment.name,
        }
      : { ...base, action: 'call_off' }
  const text = JSON.stringify(payload)
  return {
    text: restartText(text),
    signed: (signature, key_id) => ({
      deployment_id: deployment.id,
      envelope: { payload: text, signature, key_id },
    }),
  }
}
