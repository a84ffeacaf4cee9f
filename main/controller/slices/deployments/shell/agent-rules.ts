/**
 * Which detection rules agents can read. An older agent refuses a signed command or request with a rule that it does not
 * know, without saying why. In memory only: an agent reports its rules whenever it connects.
 */
import type { Hello } from '#shared/contract/agent/link.ts'
import { EARLIEST_RULE_TYPES, type Detection } from '#shared/contract/detection.ts'
import type { DeviceId } from '#shared/domain/ids.ts'

export type AgentRules = ReturnType<typeof createAgentRules>

export function createAgentRules() {
  const known = new Map<DeviceId, ReadonlySet<string>>()
  return {
    met(id: DeviceId, types: Hello['rule_types']): void {
      known.set(id, new Set<string>(types ?? EARLIEST_RULE_TYPES))
    },
    /** The rule, if its agent cannot read it; else null, also for an agent that has not connected since the start. */
    unreadable: (id: DeviceId, rule: Detection | null): Detection | null =>
      rule !== null && known.get(id)?.has(rule.type) === false ? rule : null,
  }
}
