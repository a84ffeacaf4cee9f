/** How to tell whether a software is on a PC: asked before (skip) and after (verify). */
import { z } from 'zod'
import { ONE_PLAIN_LINE } from '../domain/plain-text.ts'

/** Characters of a script that tells whether a software is there. */
export const DETECTION_SCRIPT_LIMIT = 16 * 1024
/** Within so long it has to end. */
export const DETECTION_SCRIPT_TIMEOUT_MS = 60_000

const text = z.string().min(1).max(1024).regex(ONE_PLAIN_LINE, 'must be one line of plain text')
const version = z.string().max(256).regex(ONE_PLAIN_LINE, 'must be one line of plain text')
const operator = z.enum(['eq', 'ge']).default('ge')
/** The package manager's own word (`amd64`, `i686`). Without it any architecture counts. */
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
    product_code: z.string().regex(/^\{[0-9A-Fa-f-]{36}\}$/),
    /** A small update keeps the product code. Only the first three fields count, as for Windows Installer itself. */
    version: version.optional(),
    /** `ge` unless said. */
    operator: z.enum(['eq', 'ge']).optional(),
  }),
  z.object({
    type: z.literal('uninstall_entry'),
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
    /** Windows: of the file itself, from its version resource. */
    version: version.optional(),
    /** `ge` unless said. */
    operator: z.enum(['eq', 'ge']).optional(),
  }),
  z.object({
    type: z.literal('script'),
    /** Run as the agent's user: exit code 0 = it is there, 1 = it is not, anything else = it cannot be told. */
    text: z
      .string()
      .max(DETECTION_SCRIPT_LIMIT)
      .regex(/^[^\0]+$/, 'must hold something, and no null characters'),
    /** `sh` on Linux and macOS, the others on Windows; elsewhere it cannot be told. */
    interpreter: z.enum(['sh', 'powershell', 'cmd']),
  }),
])
export type Detection = z.infer<typeof Detection>
