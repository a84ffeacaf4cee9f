/** Software: the library of installers, and the hidden entries made from addresses in deployments. */
import type { Readable } from 'node:stream'
import type { Software as SoftwareView } from '#shared/contract/entities.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { CustomSoftware, SoftwareFields, UpdateInstaller } from '#shared/contract/requests.ts'
import { INSTALLER_TIMEOUT_SECONDS, UPLOAD_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import type { InstallerId, SoftwareId, UserId } from '#shared/domain/ids.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { Audit } from '../audit/index.ts'
import type { Content, Staged } from '../content/index.ts'
import { isoTime, maySee, type Log, type Now, type Viewer } from '../context.ts'
import type { Store } from '../store/store.ts'
import { archiveOf, checkNoEntries, correctedArchive, withoutEntries } from './archive.ts'
import { auditText, checkArguments, checkFree, checkSameFile, given, inUse } from './checks.ts'
import { checkCustomItems } from './custom.ts'
import { createFetcher, FETCH_OPTIONS, type FetchOptions } from './fetch/index.ts'
import { cleanFileName, inspect, kindOrThrow, type PackageFacts } from './inspect/index.ts'
import {
  createSoftwareRepo,
  type InstallerRow,
  type OwnedSoftware,
  type SoftwareWithInstallers,
} from './software.repo.ts'
import { checkChangedRule, chosenRule } from './rules.ts'
import { toSoftware } from './views.ts'

export type { InstallerRow, SoftwareWithInstallers } from './software.repo.ts'
export type { FetchOptions } from './fetch/index.ts'
export type Software = ReturnType<typeof createSoftware>

/** An uploaded file that has arrived and is not yet part of anything. End it with `create`, `addInstaller` or `discard`. */
export type Upload = {
  fileName: string
  kind: InstallerKind
  staged: Staged
  discard: () => Promise<void>
}

/** A technician sees and deploys what is his and what an administrator put into the library. */
const isVisible = (viewer: Viewer, row: OwnedSoftware): boolean =>
  maySee(viewer, row.owner_id) || row.owner_role === 'admin'

const unknown = () => new AppError('E_NOT_FOUND', 'This software does not exist.')
const inWords = (row: { name: string; version: string }): string =>
  row.version ? `software ${row.name} ${row.version}` : `software ${row.name}`

export function createSoftware(deps: {
  store: Store
  content: Content
  now: Now
  log: Log
  audit: Audit
  /** Whether a target that has not ended uses it. */
  isInUse: (id: SoftwareId) => boolean
  /** Tests shorten waits, tests and the demo fetch from loopback. */
  fetchOptions?: Partial<FetchOptions>
}) {
  const { store, content, audit } = deps
  const repo = createSoftwareRepo(store)
  const listeners = new Set<(id: InstallerId) => void>()
  const stopping = new AbortController()
  const fetcher = createFetcher({
    repo,
    content,
    log: deps.log,
    options: { ...FETCH_OPTIONS, ...deps.fetchOptions },
    settled: (id) => listeners.forEach((listener) => listener(id)),
  })

  function visible(viewer: Viewer, id: SoftwareId): OwnedSoftware {
    const [row] = repo.byIds([id])
    if (!row || !isVisible(viewer, row)) throw unknown()
    return row
  }
  /** @throws AppError E_NOT_FOUND, E_FORBIDDEN (he sees it, but it is not his) */
  function changeable(viewer: Viewer, id: SoftwareId): OwnedSoftware {
    const row = visible(viewer, id)
    if (!maySee(viewer, row.owner_id))
      throw new AppError('E_FORBIDDEN', 'Only an administrator can change this software.')
    return row
  }
  const isFileMissing = ({ sha256 }: Pick<InstallerRow, 'sha256'>): boolean =>
    sha256 !== null && content.isMissing(sha256)
  const shown = (row: SoftwareWithInstallers): SoftwareView => toSoftware(row, isFileMissing)
  const view = (id: SoftwareId): SoftwareView => shown(repo.byIds([id])[0]!)
  /** @throws AppError E_NOT_FOUND */
  function installerIn(row: OwnedSoftware, id: InstallerId): InstallerRow {
    const found = row.installers.find((installer) => installer.id === id)
    if (!found) throw new AppError('E_NOT_FOUND', `${row.name} has no such installer.`)
    return found
  }

  /** The row of an uploaded installer: what the user says stands above what the file says. */
  function installerOf(upload: Upload, facts: PackageFacts, fields: SoftwareFields) {
    const packed = facts.archive ? archiveOf(facts.archive, fields) : null
    const platform = packed?.platform ?? fields.platform ?? facts.platform
    if (platform === null) throw new Error(`a .${upload.kind} installer tells no platform`)
    if (packed === null) checkNoEntries(fields)
    const arch = fields.arch ?? facts.arch
    if (arch === null)
      throw new AppError(
        'E_VALIDATION',
        `The package is made for the architecture ${facts.archWord}, on which no agent runs. Choose an architecture if that is wrong.`,
        [{ path: '/arch', message: `${facts.archWord} is not supported` }],
      )
    const install_args = fields.install_args ?? ''
    checkArguments(install_args, platform)
    return {
      platform,
      arch,
      kind: upload.kind,
      archive: packed?.archive ?? null,
      file_name: upload.fileName,
      install_args,
      timeout_seconds: fields.timeout_seconds ?? INSTALLER_TIMEOUT_SECONDS,
      success_exit_codes: fields.success_exit_codes ?? [],
      detection: chosenRule(fields.detection, facts.detection, platform),
      technology: facts.technology ?? null,
      sha256: upload.staged.sha256,
      size_bytes: upload.staged.sizeBytes,
      fetch_state: 'none' as const,
    }
  }
  /** Looks at the file, then lets `work` write rows in the transaction that keeps it; ends the upload in any case. */
  async function keepUpload<T>(
    upload: Upload,
    fields: SoftwareFields,
    work: (installer: ReturnType<typeof installerOf>, facts: PackageFacts) => T,
  ): Promise<T> {
    try {
      const facts = await inspect(upload.staged.path, upload.fileName, upload.kind)
      const installer = installerOf(upload, facts, fields)
      return await upload.staged.commit(() => work(installer, facts))
    } finally {
      await upload.discard()
    }
  }
  function fetchAgain({ id, source_url }: InstallerRow): void {
    if (source_url === null) return
    repo.updateInstaller(id, { fetch_state: 'fetching', fetch_reason: null, fetch_message: null })
  }
  function insertCustom(viewer: Viewer, items: CustomSoftware[]): SoftwareWithInstallers[] {
    return checkCustomItems(items).map(({ item, kind, platform, fileName }) => {
      const row = repo.insert({
        name: item.name,
        version: '',
        publisher: '',
        origin: 'custom',
        owner_id: viewer.id,
        created_at: isoTime(deps.now()),
      })
      const installer = repo.insertInstaller({
        software_id: row.id,
        platform,
        arch: 'any',
        kind,
        file_name: fileName,
        install_args: item.install_args,
        timeout_seconds: INSTALLER_TIMEOUT_SECONDS,
        success_exit_codes: item.success_exit_codes ?? [],
        source_url: item.download_url,
        source_sha256: item.sha256 ?? null,
        fetch_state: 'fetching',
      })
      return { ...row, installers: [installer] }
    })
  }

  return {
    /** The library as this user sees it. */
    list: (viewer: Viewer): SoftwareView[] =>
      repo
        .list()
        .filter((row) => isVisible(viewer, row))
        .map(shown),
    get: (viewer: Viewer, id: SoftwareId): SoftwareView => shown(visible(viewer, id)),
    /** How much software the library shows this user. */
    count: (viewer: Viewer): number => repo.list().filter((row) => isVisible(viewer, row)).length,
    /** Before an upload is taken: may he add to it? @throws AppError E_NOT_FOUND, E_FORBIDDEN */
    checkChangeable: (viewer: Viewer, id: SoftwareId): void => void changeable(viewer, id),
    /** The same for one of its installers. @throws AppError E_NOT_FOUND, E_FORBIDDEN */
    checkInstaller: (viewer: Viewer, id: SoftwareId, installerId: InstallerId): void =>
      void installerIn(changeable(viewer, id), installerId),

    /**
     * Takes an uploaded file to disk. Its name is reduced to its last component and cleaned.
     * @param sizeBytes about how large it is, when known beforehand
     * @throws AppError E_MEDIA_TYPE (before a byte is read), E_TOO_LARGE, E_DISK_FULL, E_UPLOAD_ABORTED
     */
    async receive(input: {
      fileName: string
      stream: Readable
      sizeBytes?: number | undefined
    }): Promise<Upload> {
      const fileName = cleanFileName(input.fileName)
      const kind = kindOrThrow(fileName)
      const staged = await content.ingest(input.stream, {
        limitBytes: UPLOAD_LIMIT_BYTES,
        sizeBytes: input.sizeBytes,
        signal: stopping.signal,
      })
      return { fileName, kind, staged, discard: () => staged.discard() }
    },

    /** New software out of one installer. @throws AppError E_PACKAGE_UNREADABLE, E_VALIDATION; then nothing is kept */
    async create(viewer: Viewer, upload: Upload, fields: SoftwareFields): Promise<SoftwareView> {
      const id = await keepUpload(upload, fields, (installer, facts) => {
        const row = repo.insert({
          name: fields.name ?? facts.name,
          version: fields.version ?? facts.version,
          publisher: facts.publisher,
          origin: 'library',
          owner_id: viewer.id,
          created_at: isoTime(deps.now()),
        })
        repo.insertInstaller({ ...installer, software_id: row.id })
        audit.record(viewer, 'software.create', inWords(row), installer.file_name, {
          data: { sha256: installer.sha256, file_name: installer.file_name },
        })
        return row.id
      })
      return view(id)
    },

    /** Another installer of the same software. @throws AppError E_CONFLICT (there is one for this platform and architecture), and as `create` */
    async addInstaller(
      viewer: Viewer,
      id: SoftwareId,
      upload: Upload,
      fields: SoftwareFields,
    ): Promise<SoftwareView> {
      await keepUpload(upload, fields, (installer) => {
        const row = changeable(viewer, id)
        const { platform, arch } = installer
        checkFree(row.name, row.installers, installer)
        repo.insertInstaller({ ...installer, software_id: id })
        audit.record(
          viewer,
          'software.add_installer',
          inWords(row),
          `${installer.file_name} for ${platform} ${arch}`,
          { data: { sha256: installer.sha256, file_name: installer.file_name } },
        )
      })
      return view(id)
    },

    /**
     * The file of an installer once more, where it is missing. @throws AppError E_CONFLICT when it is another file (nothing
     * of it is kept), E_NOT_FOUND, E_FORBIDDEN
     */
    async uploadFile(
      viewer: Viewer,
      id: SoftwareId,
      installerId: InstallerId,
      upload: Upload,
    ): Promise<SoftwareView> {
      try {
        const row = changeable(viewer, id)
        const { sha256, file_name } = installerIn(row, installerId)
        checkSameFile(file_name, sha256, upload.staged.sha256)
        await upload.staged.commit(() =>
          audit.record(viewer, 'software.upload_file', inWords(row), file_name, {
            data: { sha256, file_name },
          }),
        )
      } finally {
        await upload.discard()
      }
      return view(id)
    },

    update(
      viewer: Viewer,
      id: SoftwareId,
      change: {
        name?: string | undefined
        version?: string | undefined
        publisher?: string | undefined
        depends_on?: SoftwareId[] | undefined
      },
    ): SoftwareView {
      const row = changeable(viewer, id)
      const set = given(change)
      if (set.depends_on) {
        if (set.depends_on.includes(id))
          throw new AppError('E_VALIDATION', 'Software cannot need itself.', [
            { path: '/depends_on', message: 'must not name the software itself' },
          ])
        set.depends_on = this.resolve([...new Set(set.depends_on)], viewer).map((item) => item.id)
      }
      if (Object.keys(set).length > 0)
        store.transaction(() => {
          repo.update(id, set)
          audit.record(viewer, 'software.update', inWords(row), JSON.stringify(set))
        })
      return view(id)
    },

    /**
     * Corrects what is known of an installer; its file stays. What is left out stays as it is.
     * @throws AppError E_NOT_FOUND, E_FORBIDDEN, E_VALIDATION (arguments), E_CONFLICT (as `addInstaller`), E_IN_USE while a target that
     * has not ended uses the software: all PCs of a deployment are installed alike
     */
    updateInstaller(
      viewer: Viewer,
      id: SoftwareId,
      installerId: InstallerId,
      change: UpdateInstaller,
    ): SoftwareView {
      store.transaction(() => {
        const row = changeable(viewer, id)
        const before = installerIn(row, installerId)
        const set = { ...given(withoutEntries(change)), ...correctedArchive(before, change) }
        if (Object.keys(set).length === 0) return
        const after = { ...before, ...set }
        checkArguments(after.install_args, after.platform)
        checkChangedRule(before, after)
        checkFree(
          row.name,
          row.installers.filter((other) => other !== before),
          after,
        )
        if (deps.isInUse(id)) throw inUse(row.name)
        repo.updateInstaller(installerId, set)
        audit.record(
          viewer,
          'software.update_installer',
          inWords(row),
          `${before.file_name}: ${auditText(set)}`,
        )
      })
      return view(id)
    },

    /** Out of the library; history keeps its name. @throws AppError E_IN_USE while a target that has not ended uses it */
    remove(viewer: Viewer, id: SoftwareId): void {
      store.transaction(() => {
        const row = changeable(viewer, id)
        if (deps.isInUse(id)) throw inUse(row.name)
        repo.update(id, { deleted_at: isoTime(deps.now()) })
        // Its bytes may go. A retry of an old target fails with these words instead of waiting for ever.
        repo.updateInstallersOf(id, {
          sha256: null,
          fetch_state: 'failed',
          fetch_reason: 'download_failed',
          fetch_message: `${row.name} was removed from the library.`,
        })
        audit.record(viewer, 'software.delete', inWords(row), '')
      })
      content.collectGarbage()
    },

    /** For the removal of a user. */
    countOf: (id: UserId): number => repo.countOf(id),
    handOver: (from: UserId, to: UserId | null): void => repo.handOver(from, to),

    // ---- for deployments

    /**
     * The library software behind ids, in their order.
     * @throws AppError E_NOT_FOUND naming every id that does not exist or that he does not see, as `/software_ids/i`
     */
    resolve(ids: SoftwareId[], viewer: Viewer): SoftwareWithInstallers[] {
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
    installersOf: (id: SoftwareId): InstallerRow[] => repo.installersOf(id),
    /** Whether the file of this installer has to be uploaded again before anything can be done with it. */
    isFileMissing,
    /** Its name as long as it is in the library. */
    nameOf: (id: SoftwareId): string | undefined => repo.byIds([id])[0]?.name,

    /** Whether these addresses can be taken. Writes nothing. @throws AppError E_URL_INVALID, E_VALIDATION with paths */
    checkCustom: (items: CustomSoftware[]): void => void checkCustomItems(items),
    /** Hidden entries for packages given as addresses. Call it inside the deployment's transaction, and `startFetches` after it. */
    createCustom: (items: CustomSoftware[], viewer: Viewer): SoftwareWithInstallers[] =>
      insertCustom(viewer, items),
    /** Fetches what is not here yet. Call it at start and after every commit that used `createCustom`. */
    startFetches: (): void => fetcher.start(),
    /** Tries again to fetch what could not be had: a person retries the targets that wait for it. */
    retryFetches(ids: InstallerId[]): void {
      for (const id of new Set(ids)) {
        const row = repo.installer(id)
        if (row && (row.fetch_state === 'failed' || isFileMissing(row))) fetchAgain(row)
      }
      fetcher.start()
    },
    /** What came from an address, is gone, and is still wanted. Call it at start, before anything waits for it. */
    fetchMissing(): void {
      for (const row of repo.fetched())
        if (isFileMissing(row) && deps.isInUse(row.software_id)) fetchAgain(row)
    },
    /** Called after the commit that made an installer ready, or failed. */
    onInstallerSettled(listener: (id: InstallerId) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Breaks off uploads and fetches; fetches are taken up at the next start. */
    async stop(): Promise<void> {
      stopping.abort()
      await fetcher.stop()
    },
  }
}
