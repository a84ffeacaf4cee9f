/** Uploaded files: written to disk, inspected, and stored as an installer of new or existing software. */
import type { Readable } from 'node:stream'
import type { Software as SoftwareView, SoftwareFields } from '#shared/contract/rest/software.ts'
import { AppError } from '#shared/contract/errors.ts'
import { INSTALLER_TIMEOUT_SECONDS, UPLOAD_LIMIT_BYTES } from '#shared/domain/defaults.ts'
import type { InstallerId, Sha256, SoftwareId } from '#shared/domain/ids.ts'
import type { InstallerKind } from '#shared/domain/platforms.ts'
import type { Audit } from '../audit/index.ts'
import type { Content, Staged } from '../content/index.ts'
import { isoTime, type Now, type Viewer } from '../../base/context.ts'
import type { ArgumentColumns, SealedArguments } from '../../base/sealed-arguments.ts'
import {
  cleanFileName,
  kindOrThrow,
  type Inspection,
  type ManifestFile,
  type PackageFacts,
} from '../inspection/index.ts'
import { installerIn, type Access } from './access.ts'
import { archiveOf, checkNoEntries } from './archive.ts'
import { checkArguments, checkFree, checkSameFile, inWords } from './checks.ts'
import { chosenRule } from './rules.ts'
import { asAppError, newArguments, SecretProblem } from './secrets.ts'
import type { InstallerRow, OwnedSoftware, SoftwareRepo } from './software.repo.ts'

/** An uploaded file that has arrived and is not in use yet. End it with `create`, `addInstaller` or `discard`. */
export type Upload = {
  fileName: string
  kind: InstallerKind
  staged: Staged
  /** Manifests that came with the file. */
  manifests?: readonly ManifestFile[]
  discard: () => Promise<void>
}

/** Software that an upload created, or that existed already. */
type Created = SoftwareView & { existing?: true }

/** The row of an uploaded installer: what the user says takes precedence over what the file says. */
function installerOf(
  sealed: SealedArguments,
  upload: Upload,
  facts: PackageFacts,
  fields: SoftwareFields,
) {
  const packed = facts.archive ? archiveOf(facts.archive, fields) : null
  const platform = packed?.platform ?? fields.platform ?? facts.platform
  if (platform === null) throw new Error(`a .${upload.kind} installer determines no platform`)
  if (packed === null) checkNoEntries(fields)
  const arch = fields.arch ?? facts.arch
  if (arch === null)
    throw new AppError(
      'E_VALIDATION',
      `The package is made for the architecture ${facts.archWord}, on which no agent runs. Choose an architecture if that is wrong.`,
      [{ path: '/arch', message: `${facts.archWord} is not supported` }],
    )
  const install_args = fields.install_args ?? ''
  checkArguments(install_args, {
    kind: upload.kind,
    platform,
    entry: packed?.archive.entry,
  })
  return {
    platform,
    arch,
    kind: upload.kind,
    archive: packed?.archive ?? null,
    file_name: upload.fileName,
    ...sealedArguments(sealed, install_args, fields.secret_args ?? [], platform),
    timeout_seconds: fields.timeout_seconds ?? INSTALLER_TIMEOUT_SECONDS,
    success_exit_codes: fields.success_exit_codes ?? [],
    detection: chosenRule(fields.detection, facts.detection, platform),
    technology: facts.technology ?? null,
    knowledge: facts.knowledge ?? null,
    sha256: upload.staged.sha256,
    size_bytes: upload.staged.sizeBytes,
    fetch_state: 'none' as const,
  }
}

/** @throws AppError E_VALIDATION */
function sealedArguments(...args: Parameters<typeof newArguments>): ArgumentColumns {
  try {
    return newArguments(...args).columns
  } catch (error) {
    throw error instanceof SecretProblem ? asAppError(error) : error
  }
}

/** A text that is equal for two uploads of one file with the same details, given or read from the file. */
function uploadedAs(
  sealed: SealedArguments,
  { name, version }: { name: string; version: string },
  installer: Pick<
    InstallerRow,
    'platform' | 'arch' | 'install_args' | 'sealed_args' | 'timeout_seconds' | 'success_exit_codes'
  > &
    Pick<InstallerRow, 'detection' | 'archive'>,
): string {
  const { platform, arch, install_args, timeout_seconds, success_exit_codes } = installer
  const { entry = null, uninstall_entry = null } = installer.archive ?? {}
  return JSON.stringify({
    ...{ name, version, platform, arch, install_args, timeout_seconds, success_exit_codes },
    ...{ detection: installer.detection, entry, uninstall_entry },
    // Without this, lines that differ only in a secret would look the same.
    secret: sealed.fingerprint(installer),
  })
}

/** Inspects the file, then lets `work` write rows in the transaction that stores it; always ends the upload. */
async function keepUpload<T>(
  { inspection, sealed }: { inspection: Inspection; sealed: SealedArguments },
  viewer: Viewer,
  upload: Upload,
  fields: SoftwareFields,
  work: (installer: ReturnType<typeof installerOf>, facts: PackageFacts) => T,
): Promise<T> {
  try {
    const { fileName, kind, staged, manifests } = upload
    const asked = [fields.entry, fields.uninstall_entry].filter((path) => typeof path === 'string')
    const facts = await inspection.inspect(
      {
        path: staged.path,
        fileName,
        kind,
        asked,
        ...(manifests?.length ? { manifests: { files: manifests, sha256: staged.sha256 } } : {}),
      },
      `user ${viewer.id}`,
    )
    const installer = installerOf(sealed, upload, facts, fields)
    return await upload.staged.commit(() => work(installer, facts))
  } finally {
    await upload.discard()
  }
}

/** Whether one of its installers has this file, uploaded as, or corrected to, the same. */
const hasSame = (
  sealed: SealedArguments,
  row: OwnedSoftware,
  sha256: Sha256,
  as: string,
): boolean =>
  row.installers.some(
    (installer) =>
      installer.sha256 === sha256 &&
      (installer.uploaded_as === as || uploadedAs(sealed, row, installer) === as),
  )

export function createUploads(deps: {
  repo: SoftwareRepo
  content: Content
  inspection: Inspection
  sealed: SealedArguments
  now: Now
  audit: Audit
  access: Access
  view: (id: SoftwareId) => SoftwareView
  /** Called after the commit: it is new, or its view changed. */
  changed: (id: SoftwareId) => void
  /** Called after the commit: this file is available again for everything that needs it. */
  fileReturned: (sha256: Sha256) => void
  /** Aborts running uploads. */
  stopping: AbortSignal
}) {
  const { repo, content, sealed, audit, access, view } = deps

  /**
   * An entry with this file, uploaded as, or corrected to, the same: the viewer's own, or for an
   * administrator one that administrators share. Technicians' entries do not count: others do not see them.
   */
  function sameUpload(viewer: Viewer, sha256: Sha256, as: string): OwnedSoftware | undefined {
    const same = repo.byIds(repo.withFile(sha256)).filter((row) => hasSame(sealed, row, sha256, as))
    const own = same.find((row) => row.owner_id === viewer.id)
    if (own || viewer.role !== 'admin') return own
    return same.find((row) => row.owner_role !== 'technician')
  }

  return {
    /**
     * Writes an uploaded file to disk. Its name is reduced to its last component and cleaned.
     * @param sizeBytes approximate size, when known beforehand
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
        signal: deps.stopping,
      })
      return { fileName, kind, staged, discard: () => staged.discard() }
    },

    /**
     * New software with one installer; if the viewer's library, or that of the administrators for one of them, already has the same file with the same details, returns that.
     * @throws AppError E_PACKAGE_UNREADABLE, E_VALIDATION, and then stores nothing
     */
    async create(viewer: Viewer, upload: Upload, fields: SoftwareFields): Promise<Created> {
      const { id, isNew } = await keepUpload(deps, viewer, upload, fields, (installer, facts) => {
        const name = fields.name ?? facts.name
        const version = fields.version ?? facts.version
        const uploaded_as = uploadedAs(sealed, { name, version }, installer)
        const existing = sameUpload(viewer, installer.sha256, uploaded_as)
        if (existing) return { id: existing.id, isNew: false }
        const row = repo.insert({
          name,
          version,
          publisher: facts.publisher,
          origin: 'library',
          owner_id: viewer.id,
          created_at: isoTime(deps.now()),
        })
        repo.insertInstaller({ ...installer, uploaded_as, software_id: row.id })
        audit.record(viewer, 'software.create', inWords(row), installer.file_name, {
          data: { sha256: installer.sha256, file_name: installer.file_name },
        })
        return { id: row.id, isNew: true }
      })
      if (!isNew) return { ...view(id), existing: true }
      deps.changed(id)
      return view(id)
    },

    /**
     * Another installer of the same software. The same file with the same details changes nothing.
     * @throws AppError E_CONFLICT (one exists for this platform and architecture), and as `create`
     */
    async addInstaller(
      viewer: Viewer,
      id: SoftwareId,
      upload: Upload,
      fields: SoftwareFields,
    ): Promise<Created> {
      const isNew = await keepUpload(deps, viewer, upload, fields, (installer) => {
        const row = access.changeable(viewer, id)
        const { platform, arch } = installer
        const uploaded_as = uploadedAs(sealed, row, installer)
        if (hasSame(sealed, row, installer.sha256, uploaded_as)) return false
        checkFree(row.name, row.installers, installer)
        repo.insertInstaller({ ...installer, uploaded_as, software_id: id })
        repo.countChange(id)
        audit.record(
          viewer,
          'software.add_installer',
          inWords(row),
          `${installer.file_name} for ${platform} ${arch}`,
          { data: { sha256: installer.sha256, file_name: installer.file_name } },
        )
        return true
      })
      if (!isNew) return { ...view(id), existing: true }
      deps.changed(id)
      return view(id)
    },

    /**
     * Uploads the missing file of an installer again. @throws AppError E_CONFLICT when it is another file (which is then not
     * stored), E_NOT_FOUND, E_FORBIDDEN
     */
    async uploadFile(
      viewer: Viewer,
      id: SoftwareId,
      installerId: InstallerId,
      upload: Upload,
    ): Promise<SoftwareView> {
      try {
        const row = access.changeable(viewer, id)
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
      deps.fileReturned(upload.staged.sha256)
      return view(id)
    },
  }
}
