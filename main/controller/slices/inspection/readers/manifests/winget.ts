/** Manifests of the Windows Package Manager (learn.microsoft.com/windows/package-manager/package/manifest), one file or several. */
import { isAlias, isNode, parseDocument, visit } from 'yaml'
import {
  codesOf,
  hashOf,
  lineOf,
  productRule,
  switchesOf,
  upgradeRule,
  type ManifestReader,
} from './manifest.ts'

const DEPTH_LIMIT = 12
const INSTALLER_LIMIT = 100
/** Lines, keys and list items; 100 installers with all their fields have about 4,000. */
const NODE_LIMIT = 10_000

type Fields = Record<string, unknown>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const textIn = (fields: Fields, key: string): string | undefined => {
  const value = Object.hasOwn(fields, key) ? fields[key] : undefined
  return typeof value === 'string' ? value : undefined
}
const fieldsIn = (fields: Fields, key: string): Fields =>
  Object.hasOwn(fields, key) && isFields(fields[key]) ? fields[key] : {}
const listIn = (fields: Fields, key: string): unknown[] =>
  Object.hasOwn(fields, key) && Array.isArray(fields[key])
    ? fields[key].slice(0, INSTALLER_LIMIT)
    : []

/** All values as text. @throws Error for anchors, aliases, tags, and what is too deep or too large */
function parseYaml(text: string): Fields {
  if ((text.match(/[\n:,]/g)?.length ?? 0) > NODE_LIMIT) throw new Error('too large')
  // The parser calls itself for every level.
  if (/[[{](?:\s{0,9}[[{]){12}/.test(text) || /^(?: {2}|- ){13}/m.test(text))
    throw new Error('too deep')
  // Without a check for repeated keys: it compares each key with all others.
  const document = parseDocument(text, {
    schema: 'failsafe',
    prettyErrors: false,
    merge: false,
    uniqueKeys: false,
  })
  if (document.errors.length > 0) throw new Error('damaged')
  visit(document, (_key, node, path) => {
    if (path.length > 2 * DEPTH_LIMIT) throw new Error('too deep')
    if (isAlias(node) || (isNode(node) && 'anchor' in node && node.anchor))
      throw new Error('it uses anchors')
  })
  const value: unknown = document.toJS({ maxAliasCount: 0 })
  return isFields(value) ? value : {}
}

export const readWinget: ManifestReader = (files, sha256) => {
  const texts = files.filter(({ name }) => /\.ya?ml$/i.test(name))
  const documents = texts.map(({ text }) => parseYaml(text))
  if (!documents.some((one) => textIn(one, 'PackageIdentifier') !== undefined)) return null
  const first = (key: string): string | undefined =>
    documents.map((one) => textIn(one, key)).find((text) => text !== undefined)
  const root = documents.find((one) => listIn(one, 'Installers').length > 0) ?? {}
  const installers = listIn(root, 'Installers').filter(isFields)
  const hashes = installers.flatMap((one) => hashOf(textIn(one, 'InstallerSha256')))
  const own =
    installers.find((one) => hashOf(textIn(one, 'InstallerSha256'))[0] === sha256) ??
    (hashes.length === 0 && installers.length === 1 ? installers[0]! : {})
  // Fields that an installer omits are at the top level.
  const text = (key: string) => textIn(own, key) ?? textIn(root, key)
  const switches = { ...fieldsIn(root, 'InstallerSwitches'), ...fieldsIn(own, 'InstallerSwitches') }
  const entries = [
    ...listIn(own, 'AppsAndFeaturesEntries'),
    ...listIn(root, 'AppsAndFeaturesEntries'),
  ].filter(isFields)
  const codes = [own, root]
    .map((one) => listIn(one, 'InstallerSuccessCodes'))
    .find((list) => list.length > 0)
  const silent = [textIn(switches, 'Silent'), textIn(switches, 'Custom')].filter(Boolean).join(' ')
  return {
    format: 'winget',
    hashes,
    name: lineOf(first('PackageName'), 200),
    version: lineOf(first('PackageVersion'), 100),
    publisher: lineOf(first('Publisher'), 200),
    installArgs: textIn(switches, 'Silent') ? switchesOf(silent) : undefined,
    successCodes: codes && codesOf(codes.map(String)),
    detection: productRule(text('ProductCode')),
    ruleVersion: lineOf(
      entries.map((one) => textIn(one, 'DisplayVersion')).find(Boolean) ?? first('PackageVersion'),
      100,
    ),
    upgradeOf: upgradeRule(entries.map((one) => textIn(one, 'UpgradeCode')).find(Boolean)),
  }
}
