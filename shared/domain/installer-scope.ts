/** For whom an installer installs when an agent runs it. Pure. */
import type { InstallerKnowledge } from '../contract/rest/installer-knowledge.ts'

/** With these arguments, installers of Windows Installer and Inno Setup install for all users. */
export const isForAllUsers = (args: string): boolean =>
  /(?:^|\s)(?:ALLUSERS="?[12]|\/ALLUSERS(?:\s|$))/i.test(args)

/** It would land in the profile of the agent's own user, which nobody uses. */
export const isForOneUser = (
  knowledge: Pick<InstallerKnowledge, 'warnings'> | null | undefined,
  args: string,
): boolean =>
  Boolean(knowledge?.warnings.some(({ code }) => code === 'per_user')) && !isForAllUsers(args)
