/**
 * The audit log: who did what to what, when and from where. Entries are only ever added, each
 * chained to the one before it.
 */
import type { KeyObject } from 'node:crypto'
import type { ReportSeparator } from '#shared/contract/rest/deployment-requests.ts'
import type { DeploymentId, DeviceId } from '#shared/domain/ids.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { TickerTime } from '../../base/ticker.ts'
import type { Store } from '../../store/store.ts'
import { createAuditRepo } from './audit.repo.ts'
import { csvHead, csvLine, jsonlHead, jsonlLine } from './export.ts'
import { createListing } from './listing.ts'
import { createProof } from './proof.ts'
import { createRecording } from './recording.ts'
import { createSealing } from './sealing.ts'
import { createWholeLog } from './whole-log.ts'

export type { ChainReport } from './chain.ts'
export { NotAnExport } from './export.ts'
export { keyFingerprint, proveExport, proveLog } from './proof.ts'
export { unknownActor, type Actor, type EntryMore } from './recording.ts'
export type Audit = ReturnType<typeof createAudit>

export function createAudit(deps: {
  store: Store
  now: Now
  clock: TickerTime
  /**
   * The keys that sign the log's ends, current and previous. If omitted, nothing is signed (tests
   * of other slices).
   */
  publicKeys?: () => readonly KeyObject[]
  /** Deployments that have, or had, this device as a target. */
  deploymentsOfDevice?: (id: DeviceId) => DeploymentId[]
  /** Devices that this one replaced: entries about them concern it too. */
  predecessorsOfDevice?: (id: DeviceId) => DeviceId[]
}) {
  const repo = createAuditRepo(deps.store)
  const publicKeys = (): readonly KeyObject[] => deps.publicKeys?.() ?? []
  const { record, recordAlone, refused, flushRefusals } = createRecording({ ...deps, repo })
  const wholeLog = createWholeLog({ repo, clock: deps.clock })

  return {
    record,
    refused,
    ...createListing({ ...deps, repo }),
    ...createProof({ ...deps, repo, wholeLog, publicKeys }),
    ...createSealing({ ...deps, repo, flushRefusals }),

    /** The whole log, chunk by chunk. */
    async *exportCsv(viewer: Viewer, separator: ReportSeparator): AsyncGenerator<string> {
      recordAlone(viewer, 'audit.export', 'audit trail', 'as CSV')
      yield csvHead(separator)
      for await (const some of wholeLog.lines())
        yield some.map((line) => csvLine(line, separator)).join('')
    },
    async *exportJsonl(viewer: Viewer): AsyncGenerator<string> {
      recordAlone(viewer, 'audit.export', 'audit trail', 'as JSON Lines')
      const pems = publicKeys().map((key) => key.export({ type: 'spki', format: 'pem' }).toString())
      yield jsonlHead(pems, isoTime(deps.now()))
      for await (const some of wholeLog.lines()) yield some.map(jsonlLine).join('')
    },

    /** Makes the next entries searchable. @returns how many */
    index: repo.index,
  }
}
