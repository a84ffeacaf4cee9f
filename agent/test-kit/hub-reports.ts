/**
 * The reports that the test hub received, checked against the contract, and helpers that wait for them. Kept
 * in memory only.
 */
import type { Socket } from 'socket.io'
import {
  agentEvents,
  type AgentEventName,
  type DeploymentOutput,
  type DeploymentProgress,
  type DeploymentResult,
  type DeployPayload,
  type ReportReply,
} from '#shared/contract/agent/link.ts'
import { EVENT_LIMIT_MS } from '#shared/test-kit/until.ts'

type Reports = {
  deployment_result: DeploymentResult[]
  deployment_progress: DeploymentProgress[]
  deployment_output: DeploymentOutput[]
}

/** @param answer the answer to a report; null: none */
export function createHubReports(
  answer: (event: AgentEventName, body: unknown) => ReportReply | null,
) {
  const reports: Reports = {
    deployment_result: [],
    deployment_progress: [],
    deployment_output: [],
  }
  const malformed: string[] = []
  const waiters: (() => void)[] = []
  const wake = (): void => {
    for (const waiter of waiters.splice(0)) waiter()
  }

  function listenTo(socket: Socket): void {
    for (const event of Object.keys(agentEvents) as AgentEventName[])
      socket.on(event, (raw: unknown, ack: (reply: ReportReply) => void) => {
        const parsed = agentEvents[event].safeParse(raw)
        if (!parsed.success) {
          malformed.push(`${event}: ${parsed.error.message}`)
          return ack({ committed: false, message: 'malformed' })
        }
        const reply = answer(event, parsed.data)
        if (reply) ack(reply)
        if (reply?.committed && event !== 'inventory_report')
          (reports[event] as unknown[]).push(parsed.data)
        wake()
      })
  }

  /** Waits until the condition holds; checked after each report. */
  async function until<T>(
    what: string,
    look: () => T | null | undefined | false,
    timeoutMs = EVENT_LIMIT_MS,
  ): Promise<T> {
    const endAt = Date.now() + timeoutMs
    for (;;) {
      const found = look()
      if (found) return found
      const leftMs = endAt - Date.now()
      if (leftMs <= 0) throw new Error(`${what}: not within ${timeoutMs} ms`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 100))
        waiters.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  return {
    reports,
    malformed,
    listenTo,
    wake,
    until,
    /** The committed result of an attempt. */
    result: (command: DeployPayload, timeoutMs?: number) =>
      until(
        'a result',
        () => reports.deployment_result.find((r) => r.attempt_id === command.attempt_id),
        timeoutMs,
      ),
    /**
     * The recorded output of an attempt: the first version received of each piece, in order; null if one is
     * missing.
     */
    outputOf: (command: DeployPayload): string | null => {
      const pieces = new Map<number, string>()
      for (const { attempt_id, seq, text } of reports.deployment_output)
        if (attempt_id === command.attempt_id && !pieces.has(seq)) pieces.set(seq, text)
      const seqs = [...pieces.keys()].sort((a, b) => a - b)
      return seqs.every((seq, i) => seq === i + 1)
        ? seqs.map((seq) => pieces.get(seq)!).join('')
        : null
    },
  }
}
