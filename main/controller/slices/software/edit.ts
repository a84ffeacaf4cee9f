/** Changes to library software and its installers, and its removal. */
import { isDeepStrictEqual } from 'node:util'
import type { Software as SoftwareView, UpdateInstaller } from '#shared/contract/rest/software.ts'
import { AppError } from '#shared/contract/errors.ts'
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { InstallerId, SoftwareId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import type { Content } from '../content/index.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { Store } from '../../store/store.ts'
import { checkUnused, type NamedDeployment } from '../../base/in-use.ts'
import type { ArgumentColumns, SealedArguments } from '../../base/sealed-arguments.ts'
import { checkVersion } from '../../base/check-version.ts'
import { installerIn, type Access } from './access.ts'
import { correctedArchive, withoutEntries } from './archive.ts'
import { auditText, checkArguments, checkFree, given, inWords } from './checks.ts'
import { fetchColumns } from './fetch/columns.ts'
import { checkChangedRule } from './rules.ts'
import { asAppError, changedArguments, SecretProblem } from './secrets.ts'
import type { InstallerRow, SoftwareRepo } from './software.repo.ts'

/** The columns of arguments that differ from what is stored. Needed because sealing a line twice gives two different texts. */
function changedColumns(before: InstallerRow, after: ArgumentColumns): Partial<ArgumentColumns> {
  const isSame = isDeepStrictEqual(
    [after.install_args, after.secret_args, after.sealed_args === null],
    [before.install_args, before.secret_args, before.sealed_args === null],
  )
  if (isSame && after.sealed_args === null) return {}
  const { install_args, secret_args, sealed_args } = after
  return {
    sealed_args,
    ...(install_args === before.install_args && sealed_args === null ? {} : { install_args }),
    ...(isDeepStrictEqual(secret_args, before.secret_args) ? {} : { secret_args }),
  }
}

export function createEdit(deps: {
  store: Store
  repo: SoftwareRepo
  content: Content
  sealed: SealedArguments
  now: Now
  audit: Audit
  access: Access
  view: (id: SoftwareId) => SoftwareView
  /** Deployments that still need it. */
  usedBy: (id: SoftwareId) => NamedDeployment[]
  /** Called after the commit: its view changed, or it was removed. */
  changed: (id: SoftwareId) => void
}) {
  const { store, repo, content, audit, access, view } = deps

  /** @throws AppError E_VALIDATION */
  function argumentsOf(before: InstallerRow, change: UpdateInstaller) {
    try {
      return changedArguments(deps.sealed, before, change)
    } catch (error) {
      throw error instanceof SecretProblem ? asAppError(error) : error
    }
  }

  return {
    update(
      viewer: Viewer,
      id: SoftwareId,
      change: {
        name?: string | undefined
        version?: string | undefined
        publisher?: string | undefined
        depends_on?: SoftwareId[] | undefined
        revision?: number | undefined
      },
    ): SoftwareView {
      access.changeable(viewer, id)
      const { revision, ...fields } = change
      const set = given(fields)
      if (set.depends_on) {
        if (set.depends_on.includes(id))
          throw new AppError('E_VALIDATION', 'Software cannot need itself.', [
            { path: '/depends_on', message: 'must not name the software itself' },
          ])
        set.depends_on = access.resolve([...new Set(set.depends_on)], viewer).map((item) => item.id)
      }
      if (Object.keys(set).length > 0)
        store.transaction(() => {
          const row = access.changeable(viewer, id)
          checkVersion(revision, row.revision, { name: row.name }, () => view(id))
          repo.update(id, set)
          repo.countChange(id)
          audit.record(viewer, 'software.update', inWords(row), JSON.stringify(set))
        })
      deps.changed(id)
      return view(id)
    },

    /**
     * Corrects the details of an installer; its file stays. Fields that are left out stay as they are.
     * @throws AppError E_NOT_FOUND, E_FORBIDDEN, E_VALIDATION (arguments), E_CONFLICT (as `addInstaller`), E_IN_USE while a target that
     * has not ended uses the software: a deployment installs the same on all PCs
     */
    updateInstaller(
      viewer: Viewer,
      id: SoftwareId,
      installerId: InstallerId,
      { revision, ...change }: UpdateInstaller & { revision?: number | undefined },
    ): SoftwareView {
      store.transaction(() => {
        const row = access.changeable(viewer, id)
        const before = installerIn(row, installerId)
        checkVersion(revision, row.revision, { name: row.name }, () => view(id))
        const args = argumentsOf(before, change)
        const set = {
          ...given({ ...withoutEntries(change), install_args: undefined, secret_args: undefined }),
          ...(args && changedColumns(before, args.columns)),
          ...correctedArchive(before, change),
        }
        if (Object.keys(set).length === 0) return
        const after = { ...before, ...set }
        checkArguments(args?.line ?? deps.sealed.open(before)?.line ?? before.install_args, {
          ...after,
          entry: after.archive?.entry,
        })
        checkChangedRule(before, after)
        checkFree(
          row.name,
          row.installers.filter((other) => other !== before),
          after,
        )
        checkUnused(viewer, { software: row.name }, deps.usedBy(id))
        repo.updateInstaller(installerId, set)
        repo.countChange(id)
        audit.record(
          viewer,
          'software.update_installer',
          inWords(row),
          `${before.file_name}: ${auditText(set)}`,
        )
      })
      deps.changed(id)
      return view(id)
    },

    /** Removes it from the library; history keeps its name. @throws AppError E_IN_USE while a target that has not ended uses it */
    remove(viewer: Viewer, id: SoftwareId): void {
      store.transaction(() => {
        const row = access.changeable(viewer, id)
        checkUnused(viewer, { software: row.name }, deps.usedBy(id))
        repo.update(id, { deleted_at: isoTime(deps.now()) })
        // Its file may be deleted. A retry of an old target then fails with this message instead of waiting forever.
        repo.updateInstallersOf(id, {
          sha256: null,
          fetch_state: 'failed',
          fetch_reason: 'download_failed',
          ...fetchColumns(coded('fetch_removed', { software: row.name })),
        })
        audit.record(viewer, 'software.delete', inWords(row), '')
      })
      deps.changed(id)
      content.collectGarbage()
    },
  }
}
