/** For whom an installer installs when an agent runs it. Pure. */
import type { InstallerKnowledge } from '../contract/rest/installer-knowledge.ts'

/** Arguments with which .msi packages and Inno Setup install for all users. */
export const isForAllUsers = (args: string): boolean =>
  /(?:^|\s)(?:ALLUSERS="?[12]|\/ALLUSERS(?:\s|$))/i.test(args)

/** Whether the software would end up in the profile of the agent's own account, where nobody finds it. */
export const isForOneUser = (
  knowledge: Pick<InstallerKnowledge, 'warnings'> | null | undefined,
  args: string,
): boolean =>
  Boolean(knowledge?.warnings.some(({ code }) => code === 'per_user')) && !isForAllUsers(args)
