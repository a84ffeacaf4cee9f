/** Software: the library of installers, and the hidden entries for URLs given in deployments. */
import type { CustomSoftware, Software as SoftwareView } from '#shared/contract/rest/software.ts'
import type { InstallerId, SoftwareId, UserId } from '#shared/domain/ids.ts'
import type { Audit } from '../audit/index.ts'
import type { Content, FileFault } from '../content/index.ts'
import type { Clock, Log, Now, Viewer } from '../../base/context.ts'
import type { Inspection } from '../inspection/index.ts'
import type { NamedDeployment } from '../../base/in-use.ts'
import type { SealedArguments } from '../../base/sealed-arguments.ts'
import { createListeners } from '../../base/listeners.ts'
import type { Store } from '../../store/store.ts'
import { createAccess, installerIn } from './access.ts'
import { checkCustomItems, insertCustom } from './custom.ts'
import { createEdit } from './edit.ts'
import { NOT_FAILED } from './fetch/columns.ts'
import { createFetcher, FETCH_OPTIONS, type FetchOptions } from './fetch/index.ts'
import { sealStored } from './seal-stored.ts'
import {
  createSoftwareRepo,
  type InstallerRow,
  type SoftwareWithInstallers,
} from './software.repo.ts'
import { createUploads } from './uploads.ts'
import { toSoftware } from './views.ts'

export type { InstallerRow, SoftwareWithInstallers } from './software.repo.ts'
export type { FetchOptions } from './fetch/index.ts'
export type { Upload } from './uploads.ts'
export type Software = ReturnType<typeof createSoftware>

export function createSoftware(deps: {
  store: Store
  content: Content
  /** Reads every file. Its owner stops it, after this slice. */
  inspection: Inspection
  /** Seals and opens arguments with secrets. */
  sealed: SealedArguments
  now: Now
  clock: Clock
  log: Log
  audit: Audit
  /** Deployments that still need it: open targets use it, or it is in one that starts later. */
  usedBy: (id: SoftwareId) => NamedDeployment[]
  /** Tests shorten waits, tests and the demo fetch from loopback. */
  fetchOptions?: Partial<FetchOptions>
}) {
  const { store, content, inspection, sealed, now, audit, usedBy } = deps
  const repo = createSoftwareRepo(store)
  const access = createAccess(repo)
  const listeners = new Set<(id: InstallerId) => void>()
  const changes = createListeners<SoftwareId>()
  const changed = changes.emit
  const stopping = new AbortController()
  const fetcher = createFetcher({
    repo,
    content,
    inspection,
    clock: deps.clock,
    log: deps.log,
    whenWritable: (limitMs) => store.whenWritable(limitMs),
    options: { ...FETCH_OPTIONS, ...deps.fetchOptions },
    settled: (id) => listeners.forEach((listener) => listener(id)),
  })

  const fileFault = ({ sha256 }: Pick<InstallerRow, 'sha256'>): FileFault | null =>
    sha256 === null ? null : content.faultOf(sha256)
  const shown = (row: SoftwareWithInstallers): SoftwareView =>
    toSoftware(row, fileFault, sealed.isLost)
  const view = (id: SoftwareId): SoftwareView => shown(repo.byIds([id])[0]!)

  function fetchAgain({ id, source_url }: InstallerRow): void {
    if (source_url === null) return
    repo.updateInstaller(id, {
      fetch_state: 'fetching',
      fetch_reason: null,
      ...NOT_FAILED,
      inspections: 0,
    })
  }

  /** Fetches packages from URLs again if their file became unusable and a deployment still needs it. */
  function fetchMissing(): void {
    for (const row of repo.fetched())
      if (fileFault(row) && usedBy(row.software_id).length > 0) fetchAgain(row)
  }
  content.onFault(() => {
    fetchMissing()
    fetcher.start()
  })

  return {
    /** The library as this user sees it. */
    list: (viewer: Viewer): SoftwareView[] => access.list(viewer).map(shown),
    get: (viewer: Viewer, id: SoftwareId): SoftwareView => shown(access.visible(viewer, id)),
    /** How many entries of the library this user sees. */
    count: (viewer: Viewer): number => access.count(viewer),
    /** Before an upload is accepted: may the viewer add to this software? @throws AppError E_NOT_FOUND, E_FORBIDDEN */
    checkChangeable: (viewer: Viewer, id: SoftwareId): void => void access.changeable(viewer, id),
    /** The same for one of its installers. @throws AppError E_NOT_FOUND, E_FORBIDDEN */
    checkInstaller: (viewer: Viewer, id: SoftwareId, installerId: InstallerId): void =>
      void installerIn(access.changeable(viewer, id), installerId),

    ...createUploads({
      ...{ repo, content, inspection, sealed, now, audit, access, view, changed },
      fileReturned: (sha256) => repo.withFile(sha256).forEach(changed),
      stopping: stopping.signal,
    }),
    ...createEdit({ store, repo, content, sealed, now, audit, access, view, usedBy, changed }),

    onChange: changes.on,
    /** For the feed; null: not (or no longer) in the library. `ownerId` `everyone`: an administrator put it there. */
    describe(
      id: SoftwareId,
    ): { software: SoftwareView; ownerId: UserId | null | 'everyone' } | null {
      const [row] = repo.byIds([id])
      return row
        ? { software: shown(row), ownerId: row.owner_role === 'admin' ? 'everyone' : row.owner_id }
        : null
    },

    /** For the removal of a user. */
    countOf: (id: UserId): number => repo.countOf(id),
    transfer: (from: UserId, to: UserId | null, name: string): void =>
      repo.transfer(from, to, name),

    // ---- for deployments
    resolve: access.resolve,
    installersOf: (id: SoftwareId): InstallerRow[] => repo.installersOf(id),
    /** Why the file of this installer has to be uploaded again before use; null: it is fine. */
    fileFault,
    /** Whether secrets in its arguments have to be entered again before use. */
    areSecretsLost: (installer: InstallerRow): boolean => sealed.isLost(installer),
    /** Reads the installer's file and compares it with its hashes, after a PC received a file with the wrong hash. Never rejects. */
    checkFile: ({ sha256 }: Pick<InstallerRow, 'sha256'>): Promise<FileFault | null> =>
      sha256 === null ? Promise.resolve(null) : content.check(sha256),
    /** Its name while it is in the library. */
    nameOf: (id: SoftwareId): string | undefined => repo.byIds([id])[0]?.name,

    /** Checks whether these URLs can be used. Writes nothing. @throws AppError E_URL_INVALID, E_VALIDATION with paths */
    checkCustom: (items: CustomSoftware[]): void => void checkCustomItems(sealed, items),
    /**
     * What the controller fetched from this address last, for a deployment of the same user. The address may lead to
     * another file by now, unless its hash is given.
     */
    lastFetched: (item: CustomSoftware, viewer: Viewer): InstallerRow | undefined =>
      repo.lastFetched(item, viewer.id),
    /** Stores hidden entries for packages given as URLs. Call it inside the deployment's transaction, and `startFetches` after it. */
    createCustom: (items: CustomSoftware[], viewer: Viewer): SoftwareWithInstallers[] =>
      insertCustom(repo, sealed, viewer, items, now()),
    /** Fetches packages that are still missing. Call it at start and after every commit that used `createCustom`. */
    startFetches: (): void => fetcher.start(),
    /** Fetches failed packages again, because a person retries the targets that wait for them. */
    retryFetches(ids: InstallerId[]): void {
      for (const id of new Set(ids)) {
        const row = repo.installer(id)
        if (row && (row.fetch_state === 'failed' || fileFault(row))) fetchAgain(row)
      }
      fetcher.start()
    },
    /** Fetches unusable packages from URLs again. Call it at start, before anything waits for them. */
    fetchMissing,
    /** Called after the commit that made an installer ready or failed. */
    onInstallerSettled(listener: (id: InstallerId) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Seals what is stored unencrypted; see `seal-stored.ts`. Call it at start. */
    sealStored: (): void => sealStored({ store, repo, sealed, log: deps.log }),
    /** Aborts uploads and fetches; the next start continues the fetches. */
    async stop(): Promise<void> {
      stopping.abort()
      await fetcher.stop()
    },
  }
}
