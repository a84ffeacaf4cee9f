/** Manifests in XML: Munki's pkginfo, Chocolatey's .nuspec with its script, and Detection.xml of an .intunewin file. */
import { childOf, elementsOf, parseXml, textIn, type XmlElement } from '../xml.ts'
import {
  codesOf,
  hashOf,
  lineOf,
  productRule,
  switchesOf,
  upgradeRule,
  type ManifestReader,
} from './manifest.ts'

const parse = (text: string): XmlElement => parseXml(text.replace(/^\ufeff/, ''))

/** The keys of a property list's dictionary, each with its value. */
function pairsOf(dictionary: XmlElement | undefined): Map<string, XmlElement> {
  const found = new Map<string, XmlElement>()
  let key: string | null = null
  for (const child of dictionary?.children ?? []) {
    if (child.name === 'key') key = child.text.trim()
    else if (key !== null) {
      found.set(key, child)
      key = null
    }
  }
  return found
}

/** github.com/munki/munki/wiki/Supported-Pkginfo-Keys */
export const readMunki: ManifestReader = (files) => {
  const file = files.find(
    ({ name, text }) => /\.(?:plist|pkginfo)$/i.test(name) && text.includes('<plist'),
  )
  const dictionary = file && elementsOf(parse(file.text), 'dict')[0]
  const pairs = pairsOf(dictionary)
  const text = (key: string): string | undefined => pairs.get(key)?.text.trim()
  if (!pairs.has('name') || !pairs.has('version')) return null
  const receipts = (pairs.get('receipts')?.children ?? []).map(pairsOf)
  const needed = receipts.filter((one) => one.get('optional')?.name !== 'true')
  const id = needed.length === 1 ? needed[0]!.get('packageid')?.text.trim() : undefined
  const isId = id !== undefined && /^[A-Za-z0-9._-]{1,255}$/.test(id)
  return {
    format: 'Munki',
    hashes: hashOf(text('installer_item_hash')),
    name: lineOf(text('display_name') ?? text('name'), 200),
    version: lineOf(text('version'), 100),
    publisher: lineOf(text('developer'), 200),
    ...(isId ? { detection: { type: 'pkgutil' as const, name: id, operator: 'ge' as const } } : {}),
    ruleVersion: lineOf(needed[0]?.get('version')?.text, 100),
  }
}

/** A script without its comments. A `#` within a text counts as one, too: then the rest of that line is not read. */
const withoutComments = (script: string): string =>
  script
    .split('<#')
    .map((part, i) =>
      i === 0 ? part : part.slice(part.includes('#>') ? part.indexOf('#>') + 2 : part.length),
    )
    .join(' ')
    .split('\n')
    .map((line) => line.split('#', 1)[0])
    .join('\n')

/** A text between quotes that PowerShell would not change, assigned to `name` in the script. */
function assigned(script: string, name: string): string | undefined {
  const match = new RegExp(
    `(?:^|[\\s$@{;])${name}\\s{0,20}=\\s{0,20}(?:'([^'\\n]{1,1000})'|"([^"$\`\\n]{1,1000})")`,
    'im',
  ).exec(script)
  return match?.[1] ?? match?.[2]
}

/** docs.chocolatey.org, "Install-ChocolateyPackage". The script is searched as text and never run. */
export const readChocolatey: ManifestReader = (files) => {
  const file = files.find(({ name }) => /\.nuspec$/i.test(name))
  if (!file) return null
  const metadata = elementsOf(parse(file.text), 'metadata')[0]
  if (!metadata) return null
  const text = (name: string): string | undefined => childOf(metadata, name)?.text.trim()
  const script = files
    .filter(({ name }) => /\.ps1$/i.test(name))
    .map((one) => withoutComments(one.text))
    .join('\n')
  const codes = /\bvalidExitCodes\s{0,20}=\s{0,20}@\(([-\d,\s]{1,400})\)/i.exec(script)?.[1]
  return {
    format: 'Chocolatey',
    hashes: ['checksum', 'checksum64'].flatMap((name) => hashOf(assigned(script, name))),
    name: lineOf(text('title') ?? text('id'), 200),
    version: lineOf(text('version'), 100),
    publisher: lineOf(text('authors'), 200),
    installArgs: switchesOf(assigned(script, 'silentArgs')),
    successCodes: codes === undefined ? undefined : codesOf(codes.split(',')),
  }
}

/** Of the Microsoft Win32 Content Prep Tool. Its hash is of the encrypted file, so it says nothing about this one. */
export const readIntune: ManifestReader = (files) => {
  const file = files.find(
    ({ name, text }) => /\.xml$/i.test(name) && text.includes('<ApplicationInfo'),
  )
  const info = file && elementsOf(parse(file.text), 'ApplicationInfo')[0]
  if (!info) return null
  const text = (name: string): string | undefined => textIn(info, name) ?? undefined
  const version = lineOf(text('MsiProductVersion'), 100)
  return {
    format: 'Intune',
    hashes: [],
    name: lineOf(childOf(info, 'Name')?.text, 200),
    version,
    publisher: lineOf(text('MsiPublisher'), 200),
    detection: productRule(text('MsiProductCode'), version),
    ruleVersion: version,
    upgradeOf: upgradeRule(text('MsiUpgradeCode')),
  }
}
