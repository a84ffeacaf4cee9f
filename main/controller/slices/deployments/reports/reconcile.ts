/** Applies the list of attempts that a connecting agent holds (core/on-return.ts). */
import type { Hello } from '#shared/contract/agent/link.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import type { DeploymentsRepo } from '../tables/deployments.repo.ts'
import type { Engine } from '../shell/engine.ts'
import type { Recorder } from './record.ts'
import type { AgentRules } from '../shell/agent-rules.ts'
import type { Restarts } from '../restarts/restarts.ts'

export const createReconcile =
  (deps: {
    repo: Pick<DeploymentsRepo, 'deploymentsWaitingFor'>
    recorder: Recorder
    restarts: Pick<Restarts, 'met'>
    agentRules: Pick<AgentRules, 'met'>
    engine: Pick<Engine, 'poke'>
  }) =>
  /** Resolves after the resulting changes are committed. */
  async (deviceId: DeviceId, hello: Hello): Promise<void> => {
    deps.recorder.flush()
    deps.agentRules.met(deviceId, hello.rule_types)
    deps.restarts.met(deviceId, hello.restart)
    await deps.recorder.take({ kind: 'returned', deviceId, attempts: hello.attempts })
    deps.engine.poke(deps.repo.deploymentsWaitingFor([deviceId]))
  }
