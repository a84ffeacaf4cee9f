/** At the start of a link the agent names the attempts that it holds: what it no longer holds is owed again, or lost. */
import type { Hello, ReportReply } from '#shared/contract/agent/link.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { DeploymentsRepo } from './deployments.repo.ts'
import type { Engine } from './engine.ts'
import type { Recorder } from './record.ts'
import type { Restarts } from './restarts/restarts.ts'

export function createReconcile(deps: {
  repo: DeploymentsRepo
  recorder: Recorder
  restarts: Pick<Restarts, 'met'>
  engine: Pick<Engine, 'poke'>
}) {
  const { repo, recorder, restarts, engine } = deps

  /** Resolves after the commit of what follows from it. */
  return async function reconcile(deviceId: DeviceId, hello: Hello): Promise<void> {
    recorder.flush()
    restarts.met(deviceId, hello.restart)
    const held = new Set(hello.attempts)
    const told: Promise<ReportReply>[] = []
    for (const target of repo.openTargetsOfDevice(deviceId)) {
      const { attempt_id: attemptId } = target
      if (attemptId === null) continue
      const isPending = target.deployment_status === 'pending'
      if (held.has(attemptId)) {
        // It has it, so its answer to the command is not needed any more.
        const reply = { accepted: true } as const
        if (isPending) told.push(recorder.take({ kind: 'reply', deviceId, attemptId, reply }))
      } else if (isPending)
        repo.change(target, { offered_at_ms: null, not_before_ms: null, deadline_ms: null })
      else told.push(recorder.take({ kind: 'lost', deviceId, targetId: target.id }))
    }
    await Promise.all(told)
    engine.poke(repo.deploymentsWaitingFor([deviceId]))
  }
}
