/** What a file reveals about how it installs, beyond the editable fields. */
import { z } from 'zod'
import { KnownTechnology } from '../../domain/installer-technology.ts'
import { InstallerArch } from '../../domain/platforms.ts'
import { Detection } from '../detection.ts'

/**
 * How reliable a fact is: seen on a PC, read in the installer's own instructions, the default of its technology, or a guess from a
 * name or a description.
 */
export const FactLevel = z.enum(['proven', 'read', 'usual', 'guess'])
export type FactLevel = z.infer<typeof FactLevel>
/** `source`: where in the file it was found, for people. */
const factOf = <T extends z.ZodType>(value: T) =>
  z.object({ value, level: FactLevel, source: z.string() })
export type Fact<T> = { value: T; level: FactLevel; source: string }

export const InstallerScope = z.enum(['machine', 'user', 'either'])
export type InstallerScope = z.infer<typeof InstallerScope>

export const WARNING_CODES = [
  'mislabelled',
  'truncated',
  'tampered',
  'packed',
  'encrypted',
  'per_user',
  'needs_property',
  'needs_files',
  'may_wait',
  'not_removable',
  'newer_format',
  'manifest_ignored',
] as const
export const InstallerWarning = z.object({ code: z.enum(WARNING_CODES), text: z.string() })
export type InstallerWarning = z.infer<typeof InstallerWarning>

export const InstallerSigner = z.object({
  /** The common name in the certificate; empty: it names none. */
  name: z.string(),
  /**
   * `valid_digest`: the content is what was signed; whether the signer is trustworthy is not checked. `tampered`: it was changed since.
   * `unchecked`: there is a signature, which was not compared with the content.
   */
  state: z.enum(['valid_digest', 'tampered', 'unsigned', 'unchecked']),
})
export type InstallerSigner = z.infer<typeof InstallerSigner>

export const InstallerFacts = z.object({
  name: factOf(z.string()).optional(),
  version: factOf(z.string()).optional(),
  publisher: factOf(z.string()).optional(),
  /** `any`: also a 32-bit program that runs on every PC. */
  arch: factOf(InstallerArch).optional(),
  /** All arguments of a silent run, including those that the agent adds. */
  install_args: factOf(z.string()).optional(),
  /** The command that removes it silently. */
  uninstall: factOf(z.string()).optional(),
  success_exit_codes: factOf(z.array(z.number().int())).optional(),
  detection: factOf(Detection).optional(),
  /** A rule that also finds every other version of the product. */
  upgrade_of: factOf(Detection).optional(),
})
export type InstallerFacts = z.infer<typeof InstallerFacts>

export const InstallerKnowledge = z.object({
  /** The tool that built it, or the format of the package; `none`: a program that no known tool packed; null: unknown. */
  technology: KnownTechnology.nullable().default(null),
  /** False: a program that runs, but installs nothing. Null: unknown. */
  is_installer: z.boolean().nullable().default(null),
  /** Whether every byte is there, by its own lengths. Null: it has none. */
  complete: z.boolean().nullable().default(null),
  /** For the whole PC, for one user, or either; null: unknown. */
  scope: InstallerScope.nullable(),
  /** Null: files of this kind have no signature of their own, or it was not read. */
  signer: InstallerSigner.nullable().default(null),
  facts: InstallerFacts,
  warnings: z.array(InstallerWarning),
})
export type InstallerKnowledge = z.infer<typeof InstallerKnowledge>

/** What was stored, if it still has the right form: an older or newer controller may have written it. */
export const storedKnowledge = (stored: unknown): InstallerKnowledge | null =>
  InstallerKnowledge.safeParse(stored).data ?? null
