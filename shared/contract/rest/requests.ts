/** Bodies and queries of the REST API. Unknown keys are ignored; known keys of the wrong type or out of range are refused. */
import { z } from 'zod'
import { ArchivePath } from '../../domain/archives.ts'
import { AuditAction } from '../../domain/audit-actions.ts'
import { WAIT_MINUTES } from '../../domain/defaults.ts'
import { isHubAddress } from '../../domain/enrollment-code.ts'
import {
  DeploymentId,
  DeviceId,
  GroupId,
  Sha256,
  SoftwareId,
  TargetId,
  UserId,
} from '../../domain/ids.ts'
import { MaintenanceWindow, windowMinutes } from '../../domain/maintenance-window.ts'
import { DevicePlatform, InstallerArch, InstallerKind } from '../../domain/platforms.ts'
import { RESTART_NOTICE_MAX_MINUTES, RESTART_NOTICE_MINUTES } from '../../domain/restart-state.ts'
import { SECRET_MARKS_LIMIT } from '../../domain/secret-arguments.ts'
import { Strategy, strategyProblems, StrategyType } from '../../domain/strategy.ts'
import { Detection } from '../detection.ts'
import { SPREAD_LIMIT } from '../inventory.ts'
import { Role } from './entities.ts'
import { repeatable } from './request-key.ts'
import { pathId } from './route.ts'
import { typedLine, typedLines } from '../text.ts'
import { parseExitCode, toUnsigned } from '../../domain/windows-codes.ts'

/** A display name: trimmed, 1 to 200 characters, no control characters. */
export const Name = typedLine(200).min(1, 'must not be empty')

export const Username = z
  .string()
  .normalize('NFC')
  .trim()
  .min(1, 'must not be empty')
  .max(64, 'must be at most 64 characters')
  .regex(/^[\p{L}\p{N}._@-]+$/u, 'may hold letters, digits and . _ @ - only')
export const Password = z
  .string()
  .min(8, 'must be at least 8 characters')
  .max(256, 'must be at most 256 characters')
export const Credentials = z.object({ username: Username, password: Password })
/** The first account. `setup_code`: from `serve --setup-code`, or from the desktop app's own window. */
export const SetupRequest = Credentials.extend({ setup_code: z.string().max(100).optional() })
/** Sign-in accepts any text: text that breaks the rules is just a wrong password. */
export const LoginRequest = z.object({
  username: z.string().max(256),
  password: z.string().max(1024),
})
export const RefreshRequest = z.object({ refresh_token: z.string().min(1).max(512) })

export const CreateUser = Credentials.extend({
  role: Role,
  /** The administrator knows the first password: this makes it valid for one sign-in only. */
  must_change_password: z.boolean().optional(),
  ...repeatable,
})
export type CreateUser = z.infer<typeof CreateUser>
export const UpdateUser = z.object({
  username: Username.optional(),
  password: Password.optional(),
  role: Role.optional(),
  disabled: z.boolean().optional(),
  must_change_password: z.boolean().optional(),
  version: z.number().int().nonnegative().optional(),
})
export type UpdateUser = z.infer<typeof UpdateUser>
/** `old_password` accepts any text: text that breaks the rules is just a wrong password. */
export const ChangePassword = z.object({
  old_password: z.string().max(1024),
  new_password: Password,
})
/** The new owner of what the removed user had; left out: nobody, so only administrators see it. */
export const DeleteUserQuery = z.object({ transfer_to: pathId(UserId).optional() })

export const CreateEnrollment = z.object({
  max_uses: z.number().int().min(1).max(10_000).default(1),
  ttl_minutes: z
    .number()
    .int()
    .min(1)
    .max(60 * 24 * 30)
    .default(60),
  group_ids: z.array(GroupId).max(100).default([]),
  /** HOST:PORT where PCs try to reach the hub, best first; default: all that the controller knows, see `GET /hub`. */
  addresses: z
    .array(z.string().max(300).refine(isHubAddress, 'is not HOST:PORT'))
    .min(1)
    .max(8)
    .optional(),
  ...repeatable,
})

/** The version that a write is based on. Left out: the write always wins. */
const basedOn = z.number().int().nonnegative().optional()

/** `name` null: use the PC's own name from now on. */
export const UpdateDevice = z.object({ name: Name.nullable().optional(), version: basedOn })
export type UpdateDevice = z.infer<typeof UpdateDevice>
export const TakeOver = z.object({ from_device_id: DeviceId })

export const CreateGroup = z.object({
  name: Name,
  device_ids: z.array(DeviceId).max(10_000).default([]),
  ...repeatable,
})
const members = z.array(DeviceId).max(10_000).optional()
export const UpdateGroup = z
  .object({
    name: Name.optional(),
    /** All members. To add or remove some, use the fields below: they do not undo simultaneous changes by others. */
    device_ids: members,
    add_device_ids: members,
    /** Devices that are not members are ignored. */
    remove_device_ids: members,
    version: basedOn,
  })
  .refine((g) => !g.device_ids || (!g.add_device_ids && !g.remove_device_ids), {
    path: ['device_ids'],
    message: 'give all members, or those to add and remove',
  })
export type UpdateGroup = z.infer<typeof UpdateGroup>

const installArgs = typedLines(4096)
/** Arguments with secret values, by name or by value. Names that usually hold a secret need no mark. */
const secretArgs = z.array(typedLine(4096).min(1, 'must not be empty')).max(SECRET_MARKS_LIMIT)
const timeoutSeconds = z.number().int().min(1).max(86_400)
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

export const CreateDeployment = z
  .object({
    ...repeatable,
    name: Name,
    software_ids: z.array(SoftwareId).max(50).default([]),
    device_ids: z.array(DeviceId).max(10_000).default([]),
    group_ids: z.array(GroupId).max(1_000).default([]),
    custom_software: z.array(CustomSoftware).max(20).default([]),
    strategy_type: StrategyType.default('parallel'),
    strategy: Strategy.prefault({}),
    offline_policy: z.enum(['fail', 'wait']).default('fail'),
    wait_minutes: z
      .number()
      .int()
      .min(1)
      .max(60 * 24 * 14)
      .default(WAIT_MINUTES),
    /** Nothing starts before this. */
    scheduled_at: z.iso.datetime({ offset: true }).optional(),
    maintenance_window: MaintenanceWindow.optional(),
    timeout_seconds: timeoutSeconds.optional(),
    action: z.enum(['install', 'uninstall']).default('install'),
    /** Whether a package may remove or downgrade other software that it conflicts with. */
    allow_removals: z.boolean().default(false),
    /** Whether PCs whose installer needs it are restarted, once all their packages have ended. */
    reboot: z.enum(['never', 'if_needed']).default('never'),
    /** Notice for people at the PC before a restart. */
    reboot_delay_minutes: z
      .number()
      .int()
      .min(1)
      .max(RESTART_NOTICE_MAX_MINUTES)
      .default(RESTART_NOTICE_MINUTES),
  })
  .refine((d) => d.software_ids.length + d.custom_software.length > 0, {
    path: ['software_ids'],
    message: 'choose at least one software',
  })
  .refine((d) => d.device_ids.length + d.group_ids.length > 0, {
    path: ['device_ids'],
    message: 'choose at least one device or group',
  })
  .refine((d) => d.action === 'install' || d.custom_software.length === 0, {
    path: ['custom_software'],
    message: 'software from a web address can only be installed',
  })
  .refine(
    (d) =>
      d.reboot === 'never' ||
      !d.maintenance_window ||
      d.reboot_delay_minutes < windowMinutes(d.maintenance_window),
    {
      path: ['reboot_delay_minutes'],
      message: 'the notice of a restart must fit into the maintenance window',
    },
  )
  .superRefine((d, context) => {
    for (const { key, message } of strategyProblems(d.strategy_type, d.strategy))
      context.addIssue({ code: 'custom', path: ['strategy', key], message })
  })
export type CreateDeployment = z.infer<typeof CreateDeployment>
/** What a caller may send: defaults may be left out. */
export type CreateDeploymentInput = z.input<typeof CreateDeployment>

export const RetryRequest = z.object({
  target_ids: z.array(TargetId).min(1).max(10_000).optional(),
  ...repeatable,
})

/** The attempt whose output to return; left out: the current one. */
export const OutputQuery = z.object({ attempt: z.coerce.number().int().min(1).optional() })

/** Cell separator. Spreadsheets in countries with a decimal comma expect a semicolon. */
export const ReportSeparator = z.enum([',', ';', '\t'])
export type ReportSeparator = z.infer<typeof ReportSeparator>
export const ReportQuery = z.object({ separator: ReportSeparator.default(',') })

/** Query strings arrive as text. */
export const Page = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  offset: z.coerce.number().int().min(0).default(0),
})
export const AuditQuery = Page.extend({
  /** Text in actor, action, subject or details. */
  q: z.string().max(200).optional(),
  since: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
  /** Name of the user at the time. */
  actor: z.string().min(1).max(256).optional(),
  action: AuditAction.optional(),
  device_id: pathId(DeviceId).optional(),
  deployment_id: pathId(DeploymentId).optional(),
  /** Only entries before this one. Faster than `offset` for a long log. */
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
  /** `next_after` of the previous page. Means the same as `before`. */
  after: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
})
export const DeploymentQuery = Page.extend({
  status: z
    .enum(['active', 'pending', 'in_progress', 'completed', 'failed', 'partial', 'canceled'])
    .optional(),
  q: z.string().max(200).optional(),
  /** `next_after` of the previous page. Faster than `offset` for a long list. */
  after: pathId(DeploymentId).optional(),
})

export const FindInstalled = z.object({
  /** Part of the name; case and Unicode composition are ignored. */
  name: z.string().trim().min(1).max(200),
  limit: z.coerce.number().int().min(1).max(SPREAD_LIMIT).default(SPREAD_LIMIT),
  /** `next_after` of the previous page. */
  after: z.string().max(400).optional(),
})
export type FindInstalled = z.infer<typeof FindInstalled>
