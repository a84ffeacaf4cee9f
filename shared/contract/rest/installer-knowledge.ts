/** What a file reveals about how it installs, beyond the editable fields. */
import { z } from 'zod'

/** How reliable a fact is: seen on a PC, read in the file, the technology's default, or a guess. */
const factOf = <T extends z.ZodType>(value: T) =>
  z.object({ value, level: z.enum(['proven', 'read', 'usual', 'guess']), source: z.string() })

export const InstallerScope = z.enum(['machine', 'user', 'either'])
export type InstallerScope = z.infer<typeof InstallerScope>

export const InstallerWarning = z.object({ code: z.enum(['per_user']), text: z.string() })
export type InstallerWarning = z.infer<typeof InstallerWarning>

export const InstallerKnowledge = z.object({
  /** For the whole PC, for one user, or either; null: unknown. */
  scope: InstallerScope.nullable(),
  facts: z.object({
    /** All arguments of a silent run, including those that the agent adds. */
    install_args: factOf(z.string()).optional(),
  }),
  warnings: z.array(InstallerWarning),
})
export type InstallerKnowledge = z.infer<typeof InstallerKnowledge>
