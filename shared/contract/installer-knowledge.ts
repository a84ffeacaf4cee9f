/** What a file says about how it installs, beyond what can be edited. It grows with the readers. */
import { z } from 'zod'

/** How sure a fact is: seen on a PC, read in the file, the technology's default, or a guess. */
const factOf = <T extends z.ZodType>(value: T) =>
  z.object({ value, level: z.enum(['proven', 'read', 'usual', 'guess']), source: z.string() })

export const InstallerScope = z.enum(['machine', 'user', 'either'])
export type InstallerScope = z.infer<typeof InstallerScope>

export const InstallerWarning = z.object({ code: z.enum(['per_user']), text: z.string() })
export type InstallerWarning = z.infer<typeof InstallerWarning>

export const InstallerKnowledge = z.object({
  /** For the whole PC, for one user, or either; null: not known. */
  scope: InstallerScope.nullable(),
  facts: z.object({
    /** Everything that makes the run silent, with what the agent adds by itself. */
    install_args: factOf(z.string()).optional(),
  }),
  warnings: z.array(InstallerWarning),
})
export type InstallerKnowledge = z.infer<typeof InstallerKnowledge>
