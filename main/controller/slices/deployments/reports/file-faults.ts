/**
 * When a PC received a file with the wrong hash: checks whether the controller's own copy is damaged. If so, the target's
 * message says so instead of suggesting a network fault, and the file is not sent any more.
 */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { TargetId } from '#shared/domain/ids.ts'
import type { Log } from '../../../base/context.ts'
import type { FileFault } from '../../content/index.ts'
import { createChanges, type Changes } from '../changes.ts'
import { resultColumns } from '../core/coded-columns.ts'
import type { DeploymentsRepo, InstallerRow } from '../tables/deployments.repo.ts'

export function createFileFaults(deps: {
  repo: DeploymentsRepo
  /** Reads the file and compares it with its hashes. Never rejects. */
  checkFile: (installer: InstallerRow) => Promise<FileFault | null>
  committed: (changes: Changes) => void
  log: Log
}) {
  const { repo } = deps
  const underCheck = new Set<TargetId>()

  /** Changes the recorded failure to name the file, unless another attempt has begun since. */
  function recordFileFault(id: TargetId): void {
    const changes = createChanges()
    repo.transaction(() => {
      const target = repo.target(id)
      if (target?.deployment_status !== 'failed' || target.reason !== 'integrity') return
      repo.changeTarget(target, {
        ...resultColumns(coded('file_damaged', {})),
        error_details: target.error_details ?? target.result_message,
      })
      changes.target(target.deployment_id, id)
    })
    deps.committed(changes)
  }

  async function check(id: TargetId): Promise<void> {
    const target = repo.target(id)
    const installer = target?.installer_id != null ? repo.installer(target.installer_id) : undefined
    if (installer && (await deps.checkFile(installer)) === 'damaged') recordFileFault(id)
  }

  return {
    /** Call it after the commit that recorded the results. Each file is read once, however many targets name it. */
    checkFilesOf(ids: Iterable<TargetId>): void {
      for (const id of ids) {
        if (underCheck.has(id)) continue
        underCheck.add(id)
        check(id)
          .catch((error: unknown) =>
            deps.log.error(
              { err: error, targetId: id },
              'a file that did not match could not be checked',
            ),
          )
          .finally(() => underCheck.delete(id))
      }
    },
  }
}
