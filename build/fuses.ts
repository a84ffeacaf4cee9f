/** Reads the fuses back from a packaged executable, because only the values in the file count. */
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses'

/** By the names that electron-builder uses. */
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

/** The value in the fuse wire; FuseState is not exported. */
const DISABLED = '0'
const ENABLED = '1'

/** The names of the fuses with a wrong value; empty if all are right. */
export async function wrongFuses(
  executable: string,
  expected: ExpectedFuses,
): Promise<(keyof ExpectedFuses)[]> {
  const wire = await getCurrentFuseWire(executable)
  const names = Object.keys(FUSES) as (keyof ExpectedFuses)[]
  const stateOf = (name: keyof ExpectedFuses): string =>
    String.fromCharCode(Number(wire[FUSES[name]]))
  return names.filter((name) => stateOf(name) !== (expected[name] ? ENABLED : DISABLED))
}
