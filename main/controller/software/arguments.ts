import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import type { DevicePlatform, InstallerKind } from '#shared/domain/platforms.ts'

/** What is wrong with a line of installer arguments, or null. They are split when a command is made; a line that cannot be split is refused here. */
export function argumentsProblem(
  line: string,
  platform: DevicePlatform,
  kind: InstallerKind,
): string | null {
  try {
    splitArguments(line, platform, kind)
    return null
  } catch (error) {
    if (error instanceof ArgumentSyntaxError) return error.message
    throw error
  }
}
