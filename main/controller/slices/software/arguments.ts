import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import type { DevicePlatform, InstallerKind } from '#shared/domain/platforms.ts'

/** The problem with a line of installer arguments, or null. It is split only when a command is made, so a line that cannot be split is refused here. */
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
