/**
 * MSIX and AppX packages: a zip archive with a manifest (learn.microsoft.com/uwp/schemas/appxpackage, "Package manifest schema",
 * "Bundle manifest schema"). Windows knows an installed one by its package family name.
 */
import { createHash } from 'node:crypto'
import type { Detection } from '#shared/contract/detection.ts'
import type { InstallerSigner } from '#shared/contract/rest/installer-knowledge.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { guess, knowledgeOf, read, usual, warning, withoutEmpty } from '../knowledge.ts'
import { BLOCK_MAP, checkBlocks, signedMapDigest, type BlockState } from './block-map.ts'
import { parseSignature } from './exe/signature.ts'
import type { Window } from './window.ts'
import { elementsOf, parseXml, textIn, type XmlElement } from './xml.ts'
import { zipFiles } from './zip.ts'

const MANIFEST = 'AppxManifest.xml'
const BUNDLE = 'AppxMetadata/AppxBundleManifest.xml'
const SIGNATURE = 'AppxSignature.p7x'
const FILE_LIMIT_BYTES = 4 * 1024 * 1024
const CHANGED =
  'Files in this package were changed, added or damaged since it was built, so Windows refuses it. Download it again from its publisher.'
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const NAME = /^[A-Za-z0-9.-]{3,50}$/

/** `NAME_HASH`: 13 characters of 5 bits each, from the first 64 bits of the publisher's SHA-256. */
export function packageFamilyName(name: string, publisher: string): string {
  const digest = createHash('sha256').update(Buffer.from(publisher, 'utf16le')).digest()
  const bits = digest.readBigUInt64BE(0) << 1n
  let hash = ''
  for (let shift = 60n; shift >= 0n; shift -= 5n) hash += ALPHABET[Number((bits >> shift) & 31n)]
  return `${name}_${hash}`
}

const archOf = (word: string | undefined): InstallerArch | null =>
  (({ x64: 'x64', arm64: 'arm64', x86: 'any', neutral: 'any' }) as const)[
    (word ?? 'neutral').toLowerCase()
  ] ?? null

/** A bundle holds a package per processor. */
function archOfBundle(manifest: XmlElement): InstallerArch | null {
  const words = elementsOf(manifest, 'Package')
    .filter(({ attributes }) => (attributes['Type'] ?? 'application') === 'application')
    .map(({ attributes }) => archOf(attributes['Architecture']))
  const [first = null] = words
  return words.every((word) => word === first) ? first : 'any'
}

/** The common name in a distinguished name such as `CN=Ann Onym, O=…`. */
function commonNameIn(name: string): string {
  const at = name.search(/\bCN=/i)
  if (at < 0) return ''
  const value = name.slice(at + 'CN='.length)
  return value.startsWith('"') ? value.slice(1).split('"', 1)[0]! : value.split(',', 1)[0]!
}

/** The signature covers the block map, and the block map the files. */
function signerOf(
  bytes: Buffer | undefined,
  map: Buffer | undefined,
  blocks: BlockState,
): InstallerSigner {
  if (!bytes) return { name: '', state: 'unsigned' }
  try {
    const isMarked = bytes.toString('latin1', 0, 4) === 'PKCX'
    const { signer, isConsistent, digest } = parseSignature(isMarked ? bytes.subarray(4) : bytes)
    const wanted = signedMapDigest(digest)
    const isMapSame = map && wanted?.equals(createHash('sha256').update(map).digest())
    if (!isConsistent || (wanted && !isMapSame) || blocks === 'changed')
      return { name: signer, state: 'tampered' }
    return { name: signer, state: isMapSame && blocks === 'same' ? 'valid_digest' : 'unchecked' }
  } catch {
    return { name: '', state: 'unchecked' }
  }
}

/** Null when it refers to a resource instead. */
const plain = (text: string | null): string =>
  text === null || text.startsWith('ms-resource:') ? '' : cleanText(text, 200)

/** @throws AppError E_PACKAGE_UNREADABLE with the problem, E_PACKAGE_LIMIT */
export async function readMsix(window: Window): Promise<Partial<PackageFacts>> {
  const isWanted = (name: string): boolean =>
    [MANIFEST, BUNDLE, SIGNATURE, BLOCK_MAP].includes(name)
  const files = await zipFiles(window, isWanted, FILE_LIMIT_BYTES)
  const bundle = files.get(BUNDLE)
  const bytes = bundle ?? files.get(MANIFEST)
  if (!bytes) throw unreadable('it has no AppxManifest.xml, so it is not an MSIX package')
  const manifest = parseXml(bytes.toString('utf8').replace(/^\ufeff/, ''))
  const identity = elementsOf(manifest, 'Identity')[0]?.attributes ?? {}
  const { Name: id = '', Publisher: publisherId = '', Version = '' } = identity
  const version = cleanText(Version, 100)
  if (!NAME.test(id) || publisherId === '' || !/^\d+(?:\.\d+){3}$/.test(version))
    throw unreadable('its manifest names no package')
  const source = bundle ? 'its bundle manifest' : 'its manifest'
  const displayName = bundle ? '' : plain(textIn(manifest, 'DisplayName'))
  const publisher =
    (bundle ? '' : plain(textIn(manifest, 'PublisherDisplayName'))) ||
    cleanText(commonNameIn(publisherId), 200)
  const arch = bundle ? archOfBundle(manifest) : archOf(identity['ProcessorArchitecture'])
  const map = files.get(BLOCK_MAP)
  const blocks = map ? await checkBlocks(window, map) : 'unchecked'
  const signer = signerOf(files.get(SIGNATURE), map, blocks)
  const isChanged = blocks === 'changed' || signer.state === 'tampered'
  const product = {
    type: 'msix' as const,
    name: packageFamilyName(id, publisherId),
    operator: 'ge' as const,
  }
  return {
    name: displayName || id,
    version,
    publisher,
    arch,
    archWord: cleanText(identity['ProcessorArchitecture'] ?? '', 64),
    knowledge: knowledgeOf('msix', {
      complete: !isChanged,
      scope: 'machine',
      signer,
      warnings: isChanged ? [warning('tampered', CHANGED)] : [],
      facts: withoutEmpty({
        name: displayName ? read(displayName, source) : guess(id, source),
        version: read(version, source),
        publisher: read(publisher, source),
        ...(arch ? { arch: read(arch, source) } : {}),
        install_args: usual(
          'Add-AppxProvisionedPackage -Online -SkipLicense',
          'DISM, for every user of the PC',
        ),
        uninstall: usual(
          `Get-AppxPackage -AllUsers ${id} | Remove-AppxPackage -AllUsers`,
          'Windows PowerShell',
        ),
        success_exit_codes: usual([0, 3010], 'DISM'),
        detection: read<Detection>({ ...product, version }, source),
        upgrade_of: read<Detection>(product, source),
      }),
    }),
  }
}
