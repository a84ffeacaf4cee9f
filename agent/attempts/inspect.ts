/**
 * Reports what a deployment would find on this PC. Read-only: it starts only system tools and the scripts of
 * detection rules. What a script changes is its author's responsibility.
 */
import { compose } from '#shared/domain/coded-texts/compose.ts'
import type { InspectReply } from '#shared/contract/agent/inspect.ts'
import type { DeferReason } from '#shared/domain/reasons.ts'
import type { Clock } from '#shared/node/clock.ts'
import type { Conditions } from '../conditions/conditions.ts'
import { rebootPending } from '../detect/reboot.ts'
import { freeDiskBytes } from '../facts/facts.ts'
import type { Enrollment } from '../identity/identity.ts'
import type { Installers } from '../install/installers.ts'
import type { Journal } from '../journal/journal.ts'
import { errorText } from '../lib/atomic-file.ts'
import { openInspection } from '../link/envelope.ts'

/**
 * The total for all detection scripts, because a person waits for the reply. What is not known by then is
 * reported as unknown.
 */
const SCRIPTS_TIMEOUT_MS = 2_000
/** If power and network are not known after this time, the reply contains no reason to defer. */
const CONDITIONS_TIMEOUT_MS = 1_500

async function nullIfLate(
  reason: Promise<DeferReason | null>,
  clock: Clock,
): Promise<DeferReason | null> {
  const settled = new AbortController()
  const late = clock.sleep(CONDITIONS_TIMEOUT_MS, settled.signal).then(() => null)
  return Promise.race([reason, late]).finally(() => settled.abort())
}

export type Inspect = (body: unknown) => Promise<InspectReply>

/** Never rejects. One request at a time; further ones are refused meanwhile. */
export function createInspect(deps: {
  enrollment: () => Pick<Enrollment, 'device_id' | 'key_id' | 'command_key'>
  installers: Pick<Installers, 'detect'>
  journal: Pick<Journal, 'open'>
  conditions: Pick<Conditions, 'deferReason'>
  diskFolder: string
  clock: Clock
}): Inspect {
  let isInspecting = false
  const refused = (message: string): InspectReply => ({ ok: false, message })
  return async (body) => {
    const opened = openInspection(body, deps.enrollment())
    if (!opened.ok) return refused(compose(opened.text))
    if (isInspecting) return refused('This PC is already answering another request.')
    isInspecting = true
    try {
      const presences: Extract<InspectReply, { ok: true }>['presences'] = []
      const deferReason = nullIfLate(
        deps.conditions.deferReason(opened.payload.conditions),
        deps.clock,
      )
      const scriptsUntil = deps.clock.monotonicMs() + SCRIPTS_TIMEOUT_MS
      for (const rule of opened.payload.detections) {
        const leftMs = scriptsUntil - deps.clock.monotonicMs()
        const isLate = rule?.type === 'script' && leftMs <= 0
        presences.push(
          rule === null || isLate ? 'unknown' : await deps.installers.detect(rule, leftMs),
        )
      }
      return {
        ok: true,
        free_disk_bytes: freeDiskBytes(deps.diskFolder),
        reboot_pending: await rebootPending(),
        busy: deps.journal.open().length > 0,
        presences,
        held_by: await deferReason,
      }
    } catch (error) {
      return refused(errorText(error).slice(0, 1000))
    } finally {
      isInspecting = false
    }
  }
}
