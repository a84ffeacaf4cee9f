/**
 * macOS installer packages. A product has a file `Distribution` and components with a `PackageInfo` each; a single component has
 * only a `PackageInfo` (Apple, "Distribution Definition XML Schema"). What macOS records as installed is the identifier in each
 * PackageInfo; the ids in a Distribution are only labels.
 */
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerScope } from '#shared/contract/rest/installer-knowledge.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { guess, knowledgeOf, read, rulesFor, usual, warning, withoutEmpty } from '../knowledge.ts'
import type { Window } from './window.ts'
import { openXar } from './xar.ts'
import { childOf, elementsOf, parseXml, textIn, type XmlElement } from './xml.ts'

const FILE_LIMIT_BYTES = 4 * 1024 * 1024
/** Large products have some dozens. */
const COMPONENT_LIMIT = 200
const IDENTIFIER = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/

/** `hostArchitectures` of a distribution: the processors it runs on; null when it does not say. */
function archOf(word: string | undefined): InstallerArch | null {
  if (!word) return null
  const names = word.split(',').map((name) => name.trim())
  if (names.length !== 1) return 'any'
  return ({ arm64: 'arm64', x86_64: 'x64' } as const)[names[0]!] ?? 'any'
}

/** `domains`: where the product may be installed. */
function scopeOf(domains: Record<string, string | undefined> | undefined): InstallerScope {
  const isOn = (name: string): boolean => /^(?:true|yes|1)$/i.test(domains?.[name] ?? '')
  if (!domains || !isOn('enable_currentUserHome')) return 'machine'
  return isOn('enable_localSystem') || isOn('enable_anywhere') ? 'either' : 'user'
}

type Component = {
  id: string
  version: string
  sizeKib: number
  /** Of the app in it, if there is exactly one. */
  appVersion: string
}

/** Null for a component without files: it only runs scripts, and macOS does not record it. */
function componentOf(xml: XmlElement): Component | null {
  const info = elementsOf(xml, 'pkg-info')[0]
  if (!info) return null
  const payload = childOf(info, 'payload')
  const { identifier = '', version = '' } = info.attributes
  if (!payload && childOf(info, 'scripts')) return null
  const versions = new Set(
    info.children
      .filter((child) => child.name === 'bundle')
      // Not an app within another one.
      .filter(({ attributes }) => /^(?:(?!\.app\/).)*\.app$/.test(attributes['path'] ?? ''))
      .map(({ attributes }) => attributes['CFBundleShortVersionString'] ?? ''),
  )
  return {
    id: identifier,
    version,
    sizeKib: Number(payload?.attributes['installKBytes']) || 0,
    appVersion: versions.size === 1 ? [...versions][0]! : '',
  }
}

/** The components that a Distribution names, for a product without any PackageInfo. */
const componentsNamedIn = (xml: XmlElement): Component[] =>
  elementsOf(xml, 'pkg-ref')
    .map(({ attributes }) => ({
      id: attributes['packageIdentifier'] ?? attributes['id'] ?? '',
      version: attributes['version'] ?? '',
      sizeKib: Number(attributes['installKBytes']) || 0,
      appVersion: '',
    }))
    .filter(({ id, version }) => id !== '' && version !== '')

/** `Developer ID Installer: NAME (TEAM)`: only Apple issues such certificates. */
const publisherOf = (signer: string): string =>
  /^Developer ID Installer: (.+) \([A-Z0-9]{10}\)$/.exec(signer)?.[1] ?? ''

/**
 * What the package says about itself; missing facts are left empty.
 * @throws AppError E_PACKAGE_UNREADABLE with the problem
 */
export function readPkg(window: Window): Partial<PackageFacts> {
  const { files, text, signer: readSigner } = openXar(window)
  const xmlOf = (file: (typeof files)[number]): XmlElement => parseXml(text(file, FILE_LIMIT_BYTES))
  const distributionFile = files.find(({ path }) => path === 'Distribution')
  const distribution = distributionFile ? xmlOf(distributionFile) : null
  const infos = files
    .filter(({ path }) => path === 'PackageInfo' || path.endsWith('/PackageInfo'))
    .slice(0, COMPONENT_LIMIT)
  if (distribution === null && infos.length === 0)
    throw unreadable(
      'it contains neither a Distribution nor a PackageInfo, so it is not an installer package',
    )
  const found = infos.flatMap((file) => {
    const component = componentOf(xmlOf(file))
    return component ? [component] : []
  })
  const hasInfo = infos.length > 0
  const components = hasInfo || !distribution ? found : componentsNamedIn(distribution)
  const [main] = [...components].sort((a, b) => b.sizeKib - a.sizeKib)
  const attributesOf = (name: string) =>
    distribution ? elementsOf(distribution, name)[0]?.attributes : undefined

  const title = (distribution && textIn(distribution, 'title')) ?? ''
  // A key into its translations is not a name.
  const name = cleanText(/^[A-Z0-9_]+$/.test(title) ? '' : title, 200)
  const productVersion = attributesOf('product')?.['version'] ?? ''
  const receiptVersion = cleanText(main?.version ?? '', 100)
  const version = cleanText(productVersion || main?.appVersion || receiptVersion, 100)
  const versionSource = productVersion ? DISTRIBUTION : main?.appVersion ? 'the app in it' : INFO
  const arch = archOf(attributesOf('options')?.['hostArchitectures'])
  const signer = readSigner()
  const publisher = cleanText(publisherOf(signer.name), 200)
  const product =
    main && IDENTIFIER.test(main.id)
      ? { type: 'pkgutil' as const, name: main.id, operator: 'ge' as const }
      : null
  const ruleSource = hasInfo ? INFO : DISTRIBUTION
  const rule = product && rulesFor(product, receiptVersion, ruleSource).detection
  const scope = scopeOf(attributesOf('domains'))
  return {
    name,
    version,
    publisher,
    arch: arch ?? 'any',
    detection: rule?.level === 'read' ? rule.value : null,
    knowledge: knowledgeOf('pkg', {
      complete: true,
      scope,
      signer,
      facts: withoutEmpty({
        name: read(name, DISTRIBUTION),
        version: read(version, versionSource),
        publisher: read(publisher, 'its signature'),
        ...(arch ? { arch: read(arch, DISTRIBUTION) } : {}),
        install_args: usual('-target /', 'installer, which never asks'),
        success_exit_codes: usual([0], 'installer'),
        ...(rule
          ? {
              detection: hasInfo ? rule : guess(rule.value, ruleSource),
              upgrade_of: (hasInfo ? read : guess)<Detection>(product, ruleSource),
            }
          : {}),
      }),
      warnings: [
        ...(signer.state === 'tampered' ? [TAMPERED] : []),
        ...(scope === 'user' ? [PER_USER] : []),
      ],
    }),
  }
}

const DISTRIBUTION = 'its file Distribution'
const INFO = 'its file PackageInfo'
const TAMPERED = warning(
  'tampered',
  'This package was changed after it was signed. Download it again from its publisher.',
)
const PER_USER = warning(
  'per_user',
  'This package installs for one user only. The agent runs as root, so it would land in a home folder that nobody uses.',
)
