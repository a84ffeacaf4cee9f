import type { AgentEventName, AgentToHub, ReportReply } from '#shared/contract/agent-link.ts'

export type ReportBody<N extends AgentEventName> = Parameters<AgentToHub[N]>[0]

/** How reports reach the hub. */
export type Reporter = {
  /** The hub's answer. Rejects when there is no link, or no answer in time: the report may have arrived or not. */
  report: <N extends AgentEventName>(event: N, body: ReportBody<N>) => Promise<ReportReply>
  isReady: () => boolean
  /** Resolves when a link stands whose handshake is complete. @throws the signal's reason when it fires first */
  whenReady: (signal: AbortSignal) => Promise<void>
}
