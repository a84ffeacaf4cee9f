/** What a manifest beside an installer says about it. Untrusted like the installer: every value is checked before it is used. */
import type { Detection } from '#shared/contract/detection.ts'
import { cleanText } from '../../facts.ts'
import type { ManifestFile } from '../../protocol.ts'

/** A rule that a manifest's identifier of the product makes. */
export type ProductRule = Extract<Detection, { type: 'msi_product' | 'uninstall_key' | 'pkgutil' }>
export type Manifest = {
  /** Whose format it is, for people. */
  format: string
  /** SHA-256 of the installers that it describes, in hex; empty: it names none. */
  hashes: string[]
  name?: string | undefined
  version?: string | undefined
  publisher?: string | undefined
  installArgs?: string | undefined
  successCodes?: number[] | undefined
  detection?: ProductRule | undefined
  /** What the PC reports as the version of this release. */
  ruleVersion?: string | undefined
  upgradeOf?: Detection | undefined
}
/** The manifest for the installer with this hash; null: the file is no such manifest. @throws Error when it is damaged */
export type ManifestReader = (files: readonly ManifestFile[], sha256: string) => Manifest | null

const GUID = /^\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}$/
const VERSION = /^\d+(?:\.\d+){0,3}$/
const SHA256 = /^[0-9a-f]{64}$/i

export const hashOf = (text: string | undefined): string[] =>
  text !== undefined && SHA256.test(text.trim()) ? [text.trim().toLowerCase()] : []
export const lineOf = (text: string | undefined, maxLength: number): string | undefined =>
  cleanText(text ?? '', maxLength) || undefined

/** Switches of one line, without anything that a shell or a script would replace or run. */
export function switchesOf(text: string | undefined): string | undefined {
  const line = text?.trim() ?? ''
  const isPlain = line.length <= 1_000 && /^[\x20-\x7e]+$/.test(line) && !/[`$&|<>;^%!]/.test(line)
  return isPlain ? line : undefined
}
/** Exit codes of 32 bits; undefined: none, or one of them is no such number. */
export function codesOf(texts: readonly string[]): number[] | undefined {
  const codes = texts.map((text) => (/^-?\d{1,10}$/.test(text.trim()) ? Number(text) : NaN))
  const isSound = codes.every((code) => code >= -(2 ** 31) && code < 2 ** 32)
  return isSound && codes.length > 0 && codes.length <= 50 ? [...new Set([0, ...codes])] : undefined
}
export const productRule = (code: string | undefined, version?: string): ProductRule | undefined =>
  code !== undefined && GUID.test(code)
    ? { type: 'msi_product', product_code: code, ...since(version) }
    : undefined
export const upgradeRule = (code: string | undefined): Detection | undefined =>
  code !== undefined && GUID.test(code) ? { type: 'upgrade_code', upgrade_code: code } : undefined
const since = (version: string | undefined) =>
  version !== undefined && VERSION.test(version) ? { version, operator: 'ge' as const } : {}
