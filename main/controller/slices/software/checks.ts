/** Checks shared by creating, adding and correcting an installer. */
import { createHash } from 'node:crypto'
import { AppError } from '#shared/contract/errors.ts'
import type { Sha256 } from '#shared/domain/ids.ts'
import { runKind } from '#shared/domain/archives.ts'
import type { DevicePlatform, InstallerArch } from '#shared/domain/platforms.ts'
import { argumentsProblem } from './arguments.ts'
import type { InstallerRow, SoftwareRow } from './software.repo.ts'

type Place = { platform: DevicePlatform; arch: InstallerArch }

/**
 * @param entry the file to run, for an archive
 * @throws AppError E_VALIDATION when the program that runs could not split the line
 */
export function checkArguments(
  line: string,
  {
    kind,
    platform,
    entry,
  }: Pick<InstallerRow, 'kind' | 'platform'> & { entry?: string | undefined },
): void {
  const problem = argumentsProblem(line, platform, runKind(kind, platform, entry))
  if (problem)
    throw new AppError('E_VALIDATION', `The installer's arguments: ${problem}.`, [
      { path: '/install_args', message: problem },
    ])
}

/** @throws AppError E_CONFLICT when one of `others` is for the same platform and architecture */
export function checkFree(
  softwareName: string,
  others: readonly Place[],
  { platform, arch }: Place,
): void {
  if (others.some((other) => other.platform === platform && other.arch === arch))
    throw AppError.of('installer_exists', { software: softwareName, platform, arch }, [
      { path: '/arch', message: `${platform} ${arch} is taken` },
    ])
}

/** @throws AppError E_CONFLICT when the file differs from the one the installer was created with */
export function checkSameFile(fileName: string, wanted: Sha256 | null, found: Sha256): void {
  if (found !== wanted)
    throw AppError.of('different_file', { file: fileName }, [
      { path: '/file', message: `has the SHA-256 ${found}` },
    ])
}

/** Its name in the audit log. */
export const inWords = (row: Pick<SoftwareRow, 'name' | 'version'>): string =>
  row.version ? `software ${row.name} ${row.version}` : `software ${row.name}`

/**
 * What changed of an installer, for the audit log, which is permanent: arguments may contain a licence key, a script is named by
 * its SHA-256, and of an archive only the files to run matter.
 */
export function auditText(change: Partial<InstallerRow>): string {
  const { detection, archive } = change
  return JSON.stringify({
    ...change,
    secret_args: undefined,
    sealed_args: undefined,
    ...(change.install_args === undefined ? {} : { install_args: '…' }),
    ...(detection?.type === 'script'
      ? {
          detection: {
            type: 'script',
            sha256: createHash('sha256').update(detection.text).digest('hex'),
          },
        }
      : {}),
    ...(archive
      ? { archive: { entry: archive.entry, uninstall_entry: archive.uninstall_entry } }
      : {}),
  })
}

/** A change without the fields that were left out. */
export const given = <T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
