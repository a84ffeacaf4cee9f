/** Detection rules: whether software is on a PC, checked before (skip) and after (verify) the installer. */
import { z } from 'zod'
import { ONE_PLAIN_LINE } from '../domain/plain-text.ts'

/** Maximum length of a detection script, in characters. */
export const DETECTION_SCRIPT_LIMIT = 16 * 1024
/** Timeout of a detection script. */
export const DETECTION_SCRIPT_TIMEOUT_MS = 60_000

const text = z.string().min(1).max(1024).regex(ONE_PLAIN_LINE, 'must be one line of plain text')
const version = z.string().max(256).regex(ONE_PLAIN_LINE, 'must be one line of plain text')
const GUID = /^\{[0-9A-Fa-f-]{36}\}$/
const operator = z.enum(['eq', 'ge']).default('ge')
/** The package manager's own name (`amd64`, `i686`). Left out: any architecture matches. */
const arch = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .optional()

export const Detection = z.discriminatedUnion('type', [
  z.object({ type: z.literal('dpkg'), name: text, arch, version: version.optional(), operator }),
  z.object({ type: z.literal('rpm'), name: text, arch, version: version.optional(), operator }),
  z.object({ type: z.literal('pkgutil'), name: text, version: version.optional(), operator }),
  z.object({
    type: z.literal('msi_product'),
    product_code: z.string().regex(GUID),
    /** A minor update keeps the product code. Only the first three fields count, as for Windows Installer itself. */
    version: version.optional(),
    /** Default: `ge`. */
    operator: z.enum(['eq', 'ge']).optional(),
  }),
  z.object({
    type: z.literal('uninstall_entry'),
    name: text,
    version: version.optional(),
    operator,
  }),
  z.object({
    type: z.literal('uninstall_key'),
    /** Name of a key under `…\\CurrentVersion\\Uninstall`, which stays the same when the shown name has a version in it. */
    key: text.regex(/^[^\\]+$/, 'must be the name of a key, not a path'),
    /** `user`: in the registry of any user who is logged on, or of the agent itself. */
    hive: z.enum(['machine', 'user']).default('machine'),
    /** Compared with DisplayVersion. */
    version: version.optional(),
    operator,
  }),
  z.object({
    type: z.literal('upgrade_code'),
    /** Shared by all versions of a product of Windows Installer. */
    upgrade_code: z.string().regex(GUID),
    /** As for `msi_product`. */
    version: version.optional(),
    operator: z.enum(['eq', 'ge']).optional(),
  }),
  z.object({
    type: z.literal('registry_value'),
    /** `HKLM\SOFTWARE\…`, looked up in the registry of 64-bit and of 32-bit programs. */
    key: text.regex(/^(?:HKLM|HKEY_LOCAL_MACHINE)\\[^\\]/i, 'must start with HKLM\\'),
    /** Name of the value. */
    name: text,
    /** Its exact content. */
    data: text.optional(),
    /** Its content as a version. */
    version: version.optional(),
    operator: z.enum(['eq', 'ge']).optional(),
  }),
  /** No agent evaluates it yet, so no installer can have it; readers may name it. */
  z.object({
    type: z.literal('msix'),
    /** The package family name. */
    name: text,
    version: version.optional(),
    operator,
  }),
  z.object({
    type: z.literal('file'),
    path: text,
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    /** Windows: the version resource of the file. */
    version: version.optional(),
    /** Default: `ge`. */
    operator: z.enum(['eq', 'ge']).optional(),
  }),
  z.object({
    type: z.literal('script'),
    /** Run as the agent's user: exit code 0 = present, 1 = absent, anything else = unknown. */
    text: z
      .string()
      .max(DETECTION_SCRIPT_LIMIT)
      .regex(/^[^\0]+$/, 'must not be empty or contain null characters'),
    /** `sh` on Linux and macOS, the others on Windows; elsewhere the result is unknown. */
    interpreter: z.enum(['sh', 'powershell', 'cmd']),
  }),
])
export type Detection = z.infer<typeof Detection>

/** Every rule that this version can read. */
export const RULE_TYPES_READ = Detection.options.map(({ shape }) => shape.type.value)
/** The rules that every agent can read. Agents that know no others do not report a list. */
export const EARLIEST_RULE_TYPES = [
  'dpkg',
  'rpm',
  'pkgutil',
  'msi_product',
  'uninstall_entry',
  'file',
  'script',
] as const satisfies Detection['type'][]
