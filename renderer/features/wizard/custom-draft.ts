/** A package from a URL in the wizard's draft, and its validation. Pure. */
import { z } from 'zod'
import { isArchiveKind } from '#shared/domain/archives.ts'
import { ArgumentSyntaxError, splitArguments } from '#shared/domain/argv.ts'
import {
  INSTALLER_KINDS,
  InstallerKind,
  kindOfFileName,
  type DevicePlatform,
} from '#shared/domain/platforms.ts'
import { findSecrets, SECRET_MASK } from '#shared/domain/secret-arguments.ts'
import { maskSecrets, secretNames } from '#shared/domain/secret-lines.ts'
import { upperFirst } from '#shared/domain/upper-first.ts'
import { t } from './texts.ts'

export const CustomDraft = z.object({
  name: z.string(),
  download_url: z.string(),
  install_args: z.string(),
  secret_args: z.array(z.string()).default([]),
  kind: InstallerKind.nullable(),
})
export type CustomDraft = z.infer<typeof CustomDraft>

/** The file name at the end of the URL, or ''. */
export function fileNameOfUrl(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname.split('/').pop() ?? '')
  } catch {
    return ''
  }
}

/** The installer kind: chosen by the user, else derived from the URL. */
export const kindOfCustom = (custom: CustomDraft): InstallerKind | null =>
  custom.kind ?? kindOfFileName(fileNameOfUrl(custom.download_url.trim()))

/** The platform whose quoting rules apply to the arguments. */
export const platformOfCustom = (custom: CustomDraft): DevicePlatform => {
  const kind = kindOfCustom(custom)
  return (kind && INSTALLER_KINDS[kind].platform) ?? 'linux'
}

/** The form that may be stored in a browser: without secrets, which have to be entered again. */
export function withoutSecrets(custom: CustomDraft): CustomDraft {
  const { secrets } = findSecrets(custom.install_args, custom.secret_args, platformOfCustom(custom))
  return {
    ...custom,
    install_args: maskSecrets(custom.install_args, secrets),
    secret_args: secretNames(secrets).filter((name) => name !== SECRET_MASK),
  }
}

export type CustomErrors = Partial<
  Record<'name' | 'download_url' | 'install_args' | 'kind', string>
>

/** Errors in a package from a URL, by field. */
export function checkCustom(custom: CustomDraft): CustomErrors {
  const errors: CustomErrors = {}
  if (custom.name.trim() === '') errors.name = t('address.nameMissing')
  else if (custom.name.trim().length > 200) errors.name = t('address.nameLong')
  const urlError = checkUrl(custom.download_url.trim())
  if (urlError) errors.download_url = urlError
  const kind = kindOfCustom(custom)
  if (!urlError && !kind) errors.kind = t('address.kindUnknown')
  else if (kind && isArchiveKind(kind)) errors.kind = t('address.archive')
  if (custom.install_args.includes(SECRET_MASK))
    errors.install_args = t('address.secretAgain', { mask: SECRET_MASK })
  try {
    splitArguments(custom.install_args, platformOfCustom(custom), kind ?? undefined)
  } catch (error) {
    if (!(error instanceof ArgumentSyntaxError)) throw error
    errors.install_args = upperFirst(`${error.message}.`)
  }
  return errors
}

function checkUrl(text: string): string | null {
  if (text === '') return t('address.urlMissing')
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return t('address.urlIncomplete')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return t('address.urlScheme')
  if (url.username || url.password) return t('address.urlPassword')
  if (text.length > 4096 || /\s/.test(text)) return t('address.urlWrong')
  return null
}
