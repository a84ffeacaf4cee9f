/** Software and its installers as the console sees them, and the requests about them. Sizes in bytes. */
import { z } from 'zod'
import { ArchiveCommand, ArchivePath } from '../../domain/archives.ts'
import { InstallerId, Sha256, SoftwareId, UserId } from '../../domain/ids.ts'
import { InstallerTechnology } from '../../domain/installer-technology.ts'
import { DevicePlatform, InstallerArch, InstallerKind } from '../../domain/platforms.ts'
import { SECRET_MARKS_LIMIT } from '../../domain/secret-arguments.ts'
import { parseExitCode, toUnsigned } from '../../domain/windows-codes.ts'
import { Detection } from '../detection.ts'
import { typedLine, typedLines } from '../text.ts'
import { basedOn, Name, Timestamp } from './common.ts'
import { InstallerKnowledge } from './installer-knowledge.ts'

const count = z.number().int().nonnegative()

/** Which file of an archive is run, and which others could be. */
export const InstallerArchive = ArchiveCommand.extend({ choices: z.array(z.string()) })
export type InstallerArchive = z.infer<typeof InstallerArchive>

export const Installer = z.object({
  id: InstallerId,
  platform: DevicePlatform,
  arch: InstallerArch,
  kind: InstallerKind,
  /** Null for every kind but archives. */
  archive: InstallerArchive.nullable(),
  file_name: z.string(),
  size_bytes: count.nullable(),
  sha256: Sha256.nullable(),
  /** With ●●● in place of every secret. A mask that is sent back keeps the secret. */
  install_args: z.string(),
  /** Names of the arguments with secrets; ●●● for one without a name. */
  secret_args: z.array(z.string()).default([]),
  /** The key that sealed them is lost: it cannot be deployed until they are entered again. */
  secrets_lost: z.boolean().default(false),
  timeout_seconds: count,
  success_exit_codes: z.array(z.number().int()),
  detection: Detection.nullable(),
  /** Its file is not in the controller's data folder: it cannot be deployed until the same file is uploaded again. */
  file_missing: z.boolean(),
  /** Its stored file no longer matches its hash: treated as missing until the same file is uploaded again. */
  file_damaged: z.boolean(),
  /** Windows programs: the tool that built the installer, if known. */
  technology: InstallerTechnology.nullable(),
  /** What the file reveals about how it installs. Absent or null: unknown. */
  knowledge: InstallerKnowledge.nullable().optional(),
})
export type Installer = z.infer<typeof Installer>

export const Software = z.object({
  id: SoftwareId,
  /** The same for all versions of one product. */
  product_id: z.string().optional(),
  name: z.string(),
  version: z.string(),
  publisher: z.string(),
  origin: z.enum(['library', 'custom']),
  owner_id: UserId.nullable(),
  /** Name of the user who added it, even after that account was removed. */
  created_by_name: z.string().nullable().default(null),
  created_at: Timestamp,
  /** Software that this one needs: it is installed first, and if it fails, this one fails too. */
  depends_on: z.array(SoftwareId),
  installers: z.array(Installer),
  /** Change counter, including its installers, like `version` of a group. */
  revision: count.default(0),
})
export type Software = z.infer<typeof Software>

const installArgs = typedLines(4096)

/** Arguments with secret values, by name or by value. Names that usually hold a secret need no mark. */
const secretArgs = z.array(typedLine(4096).min(1, 'must not be empty')).max(SECRET_MARKS_LIMIT)

export const timeoutSeconds = z.number().int().min(1).max(86_400)

/** A number, or hexadecimal text such as `"0x80070BC2"`. Kept unsigned, as Windows reports it. */
const exitCode = z.union([
  z.number().int().min(-2_147_483_648).max(4_294_967_295).transform(toUnsigned),
  z
    .string()
    .regex(/^(?:-?\d{1,10}|0[xX][0-9a-fA-F]{1,8})$/)
    .transform((text, context) => {
      const code = parseExitCode(text)
      if (code !== null) return code
      context.addIssue({ code: 'custom', message: 'must be a number of 32 bits' })
      return z.NEVER
    }),
])

const exitCodes = z.array(exitCode).max(50)

/** Text fields beside the file of an upload, after decoding (numbers and JSON arrive as text in multipart). */
export const SoftwareFields = z.object({
  name: Name.optional(),
  version: typedLine(100).optional(),
  platform: DevicePlatform.optional(),
  arch: InstallerArch.optional(),
  install_args: installArgs.optional(),
  secret_args: secretArgs.optional(),
  timeout_seconds: timeoutSeconds.optional(),
  success_exit_codes: exitCodes.optional(),
  detection: Detection.nullable().optional(),
  /** Archives: path in the archive of the file to run. */
  entry: ArchivePath.optional(),
  /** Archives: path of the file that removes the software. */
  uninstall_entry: ArchivePath.nullable().optional(),
})
export type SoftwareFields = z.infer<typeof SoftwareFields>

const jsonText = (what: string) => z.string().meta({ description: `JSON text: ${what}` })

/** The file of an upload, and its fields as sent: values that are not text are sent as JSON text. */
export const UploadForm = z.object({ file: z.file() }).extend(
  SoftwareFields.extend({
    success_exit_codes: jsonText('an array of numbers').optional(),
    secret_args: jsonText('an array of strings').optional(),
    detection: jsonText('a detection rule, or null').optional(),
    manifest: z
      .file()
      .meta({
        description:
          'A manifest that describes the installer: winget YAML, Munki pkginfo, Chocolatey .nuspec and its .ps1, or the Detection.xml of an .intunewin file. At most 8 of these parts, 256 KiB each. It adds what the installer does not say itself; with the SHA-256 of another file it is ignored',
      })
      .optional(),
  }).shape,
)

/** A file alone. */
export const FileForm = z.object({ file: z.file() })

/** What can be changed of an existing installer: everything except its file. */
export const UpdateInstaller = SoftwareFields.omit({ name: true, version: true })
export type UpdateInstaller = z.infer<typeof UpdateInstaller>

/** `version` is the software's version, so the version that a write is based on is called `revision` here. */
export const UpdateInstallerRequest = UpdateInstaller.extend({ revision: basedOn })

export const UpdateSoftware = z.object({
  name: Name.optional(),
  version: typedLine(100).optional(),
  publisher: typedLine(200).optional(),
  depends_on: z.array(SoftwareId).max(20).optional(),
  revision: basedOn,
})

const httpUrl = typedLine(4096).regex(/^https?:\/\/[^\s]+$/i, 'must be an http or https address')

export const CustomSoftware = z
  .object({
    name: Name,
    download_url: httpUrl,
    install_args: installArgs.default(''),
    secret_args: secretArgs.optional(),
    sha256: Sha256.optional(),
    platform: DevicePlatform.optional(),
    kind: InstallerKind.optional(),
    success_exit_codes: exitCodes.optional(),
    /**
     * Who downloads it: the controller, once for all PCs, or every PC itself. The controller then never sees the file, so `sha256`
     * is required.
     */
    fetch_by: z.enum(['controller', 'agents']).default('controller'),
  })
  .refine(({ fetch_by, sha256 }) => fetch_by === 'controller' || sha256 !== undefined, {
    path: ['sha256'],
    message: 'is needed if the PCs download it themselves',
  })
export type CustomSoftware = z.infer<typeof CustomSoftware>
