import type { AgentEventName, AgentToHub, ReportReply } from '#shared/contract/agent/link.ts'

export type ReportBody<N extends AgentEventName> = Parameters<AgentToHub[N]>[0]

/** Sends reports to the hub. */
export type Reporter = {
  /**
   * The hub's answer. Rejects if there is no link, or no answer in time: the report may or may not have
   * arrived.
   */
  report: <N extends AgentEventName>(event: N, body: ReportBody<N>) => Promise<ReportReply>
  isReady: () => boolean
  /**
   * Resolves when there is a link with a complete handshake. @throws the signal's reason when it fires first
   */
  whenReady: (signal: AbortSignal) => Promise<void>
}
