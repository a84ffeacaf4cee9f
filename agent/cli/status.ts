import { existsSync } from 'node:fs'
import { z } from 'zod'
import { peekIdentity } from '../identity/identity.ts'
import { lockHolder, stateFolder } from '../identity/state-folder.ts'
import { peekJournal } from '../journal/journal.ts'
import { readJson } from '../lib/atomic-file.ts'
import { AgentFailure } from '../lib/failure.ts'
import { AGENT_VERSION } from '../lib/version.ts'
import type { Arguments } from './usage.ts'

const Status = z.object({
  connected_to: z.string().nullable(),
  since: z.string(),
  /** Why there is no link. */
  why: z.string().nullish(),
})

/** Reads the state of an agent from its state folder alone. Changes nothing there. */
export function readStatus(path: string) {
  const folder = stateFolder(path)
  if (!existsSync(folder.identityFile))
    throw new AgentFailure(`${folder.path} is not the state folder of an agent.`)
  const { name, enrollment } = peekIdentity(folder.identityFile)
  const journal = peekJournal(folder.journalFile)
  const isRunning = lockHolder(folder) !== null
  const status = Status.safeParse(readJson(folder.statusFile))
  return {
    version: AGENT_VERSION,
    enrolled: enrollment !== null,
    name,
    device_id: enrollment?.device_id ?? null,
    fingerprint: enrollment?.fingerprint ?? null,
    addresses: enrollment?.addresses ?? [],
    running: isRunning,
    connected_to: isRunning && status.success ? status.data.connected_to : null,
    since: isRunning && status.success ? status.data.since : null,
    why: (isRunning && status.success && status.data.why) || null,
    attempts: [...journal.attempts.values()].map(({ payload, step, result }) => ({
      attempt_id: payload.attempt_id,
      deployment_id: payload.deployment_id,
      target_id: payload.target_id,
      software_name: payload.software_name,
      step: result ? ('ended' as const) : step,
      status: result?.status ?? null,
    })),
  }
}

export async function statusCommand(args: Arguments): Promise<number> {
  const status = readStatus(args.state!)
  if (args.json) {
    process.stdout.write(JSON.stringify(status) + '\n')
    return 0
  }
  const link = !status.running
    ? 'not running'
    : status.connected_to === null
      ? `running, not connected${status.why === null ? '' : ` (${status.why})`}`
      : `connected to ${status.connected_to} since ${status.since}`
  const lines = [
    `Agent ${status.version}: ${link}`,
    status.enrolled
      ? `Enrolled as device ${status.device_id}${status.name ? ` (${status.name})` : ''}, controller ${status.fingerprint}`
      : 'Not enrolled',
    ...status.attempts.map((attempt) =>
      attempt.status === null
        ? `${attempt.software_name}: ${attempt.step} (deployment ${attempt.deployment_id})`
        : `${attempt.software_name}: ${attempt.status}, not yet reported to the controller (deployment ${attempt.deployment_id})`,
    ),
  ]
  process.stdout.write(lines.join('\n') + '\n')
  return 0
}
