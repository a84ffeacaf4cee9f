/** Who may see and who may change which software; software that a user may not see is reported as not found. */
import { AppError } from '#shared/contract/errors.ts'
import type { InstallerId, SoftwareId } from '#shared/domain/ids.ts'
import { maySee, type Viewer } from '../../base/context.ts'
import type {
  InstallerRow,
  OwnedSoftware,
  SoftwareRepo,
  SoftwareWithInstallers,
} from './software.repo.ts'

/** Technicians see and deploy their own software and what administrators put into the library. */
const isVisible = (viewer: Viewer, row: OwnedSoftware): boolean =>
  maySee(viewer, row.owner_id) || row.owner_role === 'admin'

/** @throws AppError E_NOT_FOUND */
export function installerIn(row: OwnedSoftware, id: InstallerId): InstallerRow {
  const found = row.installers.find((installer) => installer.id === id)
  if (!found) throw new AppError('E_NOT_FOUND', `${row.name} has no such installer.`)
  return found
}

export type Access = ReturnType<typeof createAccess>
export function createAccess(repo: SoftwareRepo) {
  /** @throws AppError E_NOT_FOUND */
  function visible(viewer: Viewer, id: SoftwareId): OwnedSoftware {
    const [row] = repo.byIds([id])
    if (!row || !isVisible(viewer, row))
      throw new AppError('E_NOT_FOUND', 'This software does not exist.')
    return row
  }

  return {
    visible,
    /** The library as this user sees it. */
    list: (viewer: Viewer): OwnedSoftware[] => repo.list().filter((row) => isVisible(viewer, row)),
    /** How many of its entries they see. */
    count: (viewer: Viewer): number =>
      repo.countShownTo(viewer.role === 'admin' ? null : viewer.id),
    /** @throws AppError E_NOT_FOUND, E_FORBIDDEN (visible to the viewer, but owned by someone else) */
    changeable(viewer: Viewer, id: SoftwareId): OwnedSoftware {
      const row = visible(viewer, id)
      if (!maySee(viewer, row.owner_id))
        throw new AppError('E_FORBIDDEN', 'Only an administrator can change this software.')
      return row
    },

    /**
     * The library software with these ids, in their order.
     * @throws AppError E_NOT_FOUND naming every id that does not exist or that the viewer may not see, as `/software_ids/i`
     */
    resolve: (ids: SoftwareId[], viewer: Viewer): SoftwareWithInstallers[] => {
      const found = new Map(repo.byIds(ids).map((row) => [row.id, row]))
      const missing = ids.flatMap((id, i) => {
        const row = found.get(id)
        return row && isVisible(viewer, row)
          ? []
          : [{ path: `/software_ids/${i}`, message: `software ${id} does not exist` }]
      })
      if (missing.length > 0)
        throw new AppError(
          'E_NOT_FOUND',
          `${missing.length} of the chosen software entries do not exist.`,
          missing.slice(0, 20),
        )
      return ids.map((id) => found.get(id)!)
    },
  }
}
