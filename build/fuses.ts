/** Reads the switches of a packaged executable back: what was asked for counts for nothing if it is not in the file. */
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses'

/** By the names that electron-builder gives them. */
const FUSES = {
  runAsNode: FuseV1Options.RunAsNode,
  enableCookieEncryption: FuseV1Options.EnableCookieEncryption,
  enableNodeOptionsEnvironmentVariable: FuseV1Options.EnableNodeOptionsEnvironmentVariable,
  enableNodeCliInspectArguments: FuseV1Options.EnableNodeCliInspectArguments,
  enableEmbeddedAsarIntegrityValidation: FuseV1Options.EnableEmbeddedAsarIntegrityValidation,
  onlyLoadAppFromAsar: FuseV1Options.OnlyLoadAppFromAsar,
  loadBrowserProcessSpecificV8Snapshot: FuseV1Options.LoadBrowserProcessSpecificV8Snapshot,
  grantFileProtocolExtraPrivileges: FuseV1Options.GrantFileProtocolExtraPrivileges,
} as const
export type ExpectedFuses = Record<keyof typeof FUSES, boolean>

/** How the wire says it: FuseState is not exported. */
const DISABLED = '0'
const ENABLED = '1'

/** The names of those that are not as they should be. Empty = all are. */
export async function wrongFuses(
  executable: string,
  expected: ExpectedFuses,
): Promise<(keyof ExpectedFuses)[]> {
  const wire = await getCurrentFuseWire(executable)
  const names = Object.keys(FUSES) as (keyof ExpectedFuses)[]
  const told = (name: keyof ExpectedFuses): string => String.fromCharCode(Number(wire[FUSES[name]]))
  return names.filter((name) => told(name) !== (expected[name] ? ENABLED : DISABLED))
}
