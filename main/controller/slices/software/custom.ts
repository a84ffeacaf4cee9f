/** Packages given as a URL in a deployment: all are checked before anything is written, then stored as hidden entries. */
import { AppError, type ErrorDetail } from '#shared/contract/errors.ts'
import type { CustomSoftware } from '#shared/contract/rest/software.ts'
import { isArchiveKind } from '#shared/domain/archives.ts'
import { INSTALLER_TIMEOUT_SECONDS } from '#shared/domain/defaults.ts'
import {
  INSTALLER_KINDS,
  kindOfFileName,
  type DevicePlatform,
  type InstallerKind,
} from '#shared/domain/platforms.ts'
import { isoTime, type Viewer } from '../../base/context.ts'
import type { ArgumentColumns, SealedArguments } from '../../base/sealed-arguments.ts'
import { argumentsProblem } from './arguments.ts'
import { checkUrl, URL_PROBLEMS } from '#shared/node/web-address.ts'
import { fileNameOfUrl } from './fetch/file-name.ts'
import { cleanFileName } from '../inspection/index.ts'
import { newArguments, SecretProblem } from './secrets.ts'
import type { SoftwareRepo, SoftwareWithInstallers } from './software.repo.ts'

export type CheckedCustom = {
  item: CustomSoftware
  kind: InstallerKind
  platform: DevicePlatform
  fileName: string
  args: ArgumentColumns
}

/** @throws AppError E_URL_INVALID, E_VALIDATION with every finding and its path */
export function checkCustomItems(
  sealed: SealedArguments,
  items: readonly CustomSoftware[],
): CheckedCustom[] {
  const findings: ErrorDetail[] = []
  const badUrls: ErrorDetail[] = []
  const checked: CheckedCustom[] = []
  items.forEach((item, i) => {
    const at = (field: string) => `/custom_software/${i}/${field}`
    const url = checkUrl(item.download_url)
    if (typeof url === 'string') {
      badUrls.push({ path: at('download_url'), message: URL_PROBLEMS[url] })
      return
    }
    const fileName = cleanFileName(fileNameOfUrl(url))
    const kind = item.kind ?? kindOfFileName(fileName)
    if (!kind) {
      findings.push({
        path: at('kind'),
        message: `the kind of installer cannot be determined from the address; choose one of ${Object.keys(INSTALLER_KINDS).join(', ')}`,
      })
      return
    }
    const platform = item.platform ?? INSTALLER_KINDS[kind].platform
    if (platform === null || isArchiveKind(kind)) {
      findings.push({
        path: at('kind'),
        message:
          'a URL cannot name the file to run in an archive; add the archive under Software instead',
      })
      return
    }
    const problem = argumentsProblem(item.install_args, platform, kind)
    if (problem) findings.push({ path: at('install_args'), message: problem })
    try {
      const marks = item.secret_args ?? []
      const args = newArguments(sealed, item.install_args, marks, platform).columns
      checked.push({ item, kind, platform, fileName, args })
    } catch (error) {
      if (!(error instanceof SecretProblem)) throw error
      findings.push({ path: at(error.field), message: error.message })
    }
  })
  const [badUrl] = badUrls
  if (badUrl)
    throw new AppError('E_URL_INVALID', `The address cannot be used: ${badUrl.message}.`, [
      ...badUrls,
      ...findings,
    ])
  const [first] = findings
  if (first)
    throw new AppError('E_VALIDATION', `The software to fetch: ${first.message}.`, findings)
  return checked
}

/** Stores the hidden entries, to be fetched by the controller or the agents. @throws AppError as `checkCustomItems` */
export function insertCustom(
  repo: SoftwareRepo,
  sealed: SealedArguments,
  viewer: Viewer,
  items: readonly CustomSoftware[],
  nowMs: number,
): SoftwareWithInstallers[] {
  return checkCustomItems(sealed, items).map(({ item, kind, platform, fileName, args }) => {
    const row = repo.insert({
      name: item.name,
      version: '',
      publisher: '',
      origin: 'custom',
      owner_id: viewer.id,
      created_at: isoTime(nowMs),
    })
    const installer = repo.insertInstaller({
      software_id: row.id,
      platform,
      arch: 'any',
      kind,
      file_name: fileName,
      ...args,
      timeout_seconds: INSTALLER_TIMEOUT_SECONDS,
      success_exit_codes: item.success_exit_codes ?? [],
      source_url: item.download_url,
      source_sha256: item.sha256 ?? null,
      fetch_state: item.fetch_by === 'agents' ? 'by_agents' : 'fetching',
    })
    return { ...row, installers: [installer] }
  })
}
