/** A connecting agent names the attempts that it holds: those it no longer holds are sent again, or are lost. */
import type { Hello, ReportReply } from '#shared/contract/agent/link.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { Engine } from '../shell/engine.ts'
import type { Recorder } from './record.ts'
import type { Restarts } from '../restarts/restarts.ts'

export function createReconcile(deps: {
  repo: DeploymentsRepo
  recorder: Recorder
  restarts: Pick<Restarts, 'met'>
  engine: Pick<Engine, 'poke'>
}) {
  const { repo, recorder, restarts, engine } = deps

  /** Resolves after the resulting changes are committed. */
  return async function reconcile(deviceId: DeviceId, hello: Hello): Promise<void> {
    recorder.flush()
    restarts.met(deviceId, hello.restart)
    const held = new Set(hello.attempts)
    const replies: Promise<ReportReply>[] = []
    for (const target of repo.openTargetsOfDevice(deviceId)) {
      const { attempt_id: attemptId } = target
      if (attemptId === null) continue
      const isPending = target.deployment_status === 'pending'
      if (held.has(attemptId)) {
        // The agent has it, so its answer to the command is no longer needed.
        const reply = { accepted: true } as const
        if (isPending) replies.push(recorder.take({ kind: 'reply', deviceId, attemptId, reply }))
      } else if (isPending)
        repo.change(target, { offered_at_ms: null, not_before_ms: null, deadline_ms: null })
      else replies.push(recorder.take({ kind: 'lost', deviceId, targetId: target.id }))
    }
    await Promise.all(replies)
    engine.poke(repo.deploymentsWaitingFor([deviceId]))
  }
}
