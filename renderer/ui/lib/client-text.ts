/** A User-Agent header in readable form: "DeployX on Linux", "Firefox on Windows". */
import { t } from '../texts.ts'

const PROGRAMS: [RegExp, string][] = [
  [/\bdeployx\/|\bElectron\//i, 'DeployX'],
  [/\bEdg\//, 'Edge'],
  [/\bFirefox\//, 'Firefox'],
  [/\bOPR\//, 'Opera'],
  [/\bChrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
]
const SYSTEMS: [RegExp, string][] = [
  [/\bWindows\b/, 'Windows'],
  [/\b(Macintosh|Mac OS X)\b/, 'macOS'],
  [/\bAndroid\b/, 'Android'],
  [/\b(iPhone|iPad)\b/, 'iOS'],
  [/\b(Linux|X11)\b/, 'Linux'],
]
const first = (table: [RegExp, string][], text: string) =>
  table.find(([pattern]) => pattern.test(text))?.[1]

/** Programs other than browsers keep their own name, without the version: "curl". */
export function clientInWords(client: string | null): string {
  if (!client) return t('client.unknown')
  const program = first(PROGRAMS, client) ?? client.split(/[\s/]/)[0]?.slice(0, 40) ?? ''
  const system = first(SYSTEMS, client)
  const name = program || t('client.unknown')
  return system ? t('client.programOn', { program: name, system }) : name
}

/** A loopback address is the controller's own computer, so it is shown as that. */
export const addressInWords = (address: string | null): string =>
  address === null
    ? t('client.unknownAddress')
    : /^(127\.|::1$)/.test(address)
      ? t('client.thisComputer')
      : address
