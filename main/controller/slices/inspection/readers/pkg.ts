/**
 * macOS installer packages: an xar archive (github.com/mackyle/xar/wiki/xarformat) whose table of contents is XML. A product has a
 * file `Distribution`, a single component a file `PackageInfo` (Apple, "Distribution Definition XML Schema"). Not tested with
 * packages of Apple's own tools: those in the tests are built from the same description.
 */
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { inflated } from './unpack.ts'
import type { Window } from './window.ts'
import { childOf, elementsOf, parseXml, textIn, type XmlElement } from './xml.ts'

const HEADER_BYTES = 28
const TOC_LIMIT_BYTES = 16 * 1024 * 1024
const FILE_LIMIT_BYTES = 4 * 1024 * 1024

/** @returns the table of contents, and the offset where the files begin */
function readToc(window: Window) {
  const header = window.read(0, HEADER_BYTES)
  if (header.length < HEADER_BYTES) throw unreadable('it is cut off')
  const headerBytes = header.readUInt16BE(4)
  const packedBytes = Number(header.readBigUInt64BE(8))
  const heapAt = headerBytes + packedBytes
  if (headerBytes < HEADER_BYTES || packedBytes > TOC_LIMIT_BYTES || heapAt > window.sizeBytes)
    throw unreadable('its table of contents is damaged, or it is cut off')
  const packed = window.read(headerBytes, packedBytes)
  const toc = inflated(packed, TOC_LIMIT_BYTES, 'its table of contents', window)
  return { toc: parseXml(toc.toString('utf8')), heapAt }
}

type Part = { name: string; offset: number; length: number; isPacked: boolean }

/** A whole number from the table of contents; NaN when missing. */
const numberIn = (parent: XmlElement | undefined, name: string): number => {
  const text = childOf(parent, name)?.text.trim() ?? ''
  return /^\d{1,16}$/.test(text) ? Number(text) : NaN
}

/** Files of the table of contents, at any depth. */
function partsOf(toc: XmlElement): Part[] {
  return elementsOf(toc, 'file').flatMap((file) => {
    const name = childOf(file, 'name')?.text.trim()
    const data = childOf(file, 'data')
    const [offset, length] = [numberIn(data, 'offset'), numberIn(data, 'length')]
    const style = childOf(data, 'encoding')?.attributes['style']
    if (name === undefined || !Number.isSafeInteger(offset) || !Number.isSafeInteger(length))
      return []
    if (style !== undefined && !/gzip|octet-stream/.test(style)) return []
    return [{ name, offset, length, isPacked: /gzip/.test(style ?? '') }]
  })
}

/** `hostArchitectures` of a distribution: the processors it runs on. */
function archOf(word: string | undefined): InstallerArch {
  const names = (word ?? '').split(',').map((name) => name.trim())
  if (names.length !== 1) return 'any'
  return ({ arm64: 'arm64', x86_64: 'x64' } as const)[names[0]!] ?? 'any'
}

type Known = { name: string; version: string; id: string; arch: InstallerArch }

function fromDistribution(xml: XmlElement): Known {
  const attributes = (name: string) => elementsOf(xml, name).map((found) => found.attributes)
  const packages = attributes('pkg-ref')
    .filter(({ id, version }) => id && version)
    .sort((a, b) => (Number(b['installKBytes']) || 0) - (Number(a['installKBytes']) || 0))
  const [main] = packages
  const product = attributes('product')[0]
  const title = textIn(xml, 'title') ?? ''
  return {
    // A key into its translations is not a name.
    name: /^[A-Z0-9_]+$/.test(title) ? '' : title,
    version: product?.['version'] ?? main?.['version'] ?? '',
    id: main?.['id'] ?? '',
    arch: archOf(attributes('options')[0]?.['hostArchitectures']),
  }
}

function fromPackageInfo(xml: XmlElement): Known {
  const { identifier = '', version = '' } = elementsOf(xml, 'pkg-info')[0]?.attributes ?? {}
  return { name: '', version, id: identifier, arch: 'any' }
}

/**
 * What the package says about itself; missing facts are left empty.
 * @throws AppError E_PACKAGE_UNREADABLE with the problem
 */
export function readPkg(
  window: Window,
): Pick<PackageFacts, 'name' | 'version' | 'arch' | 'detection'> {
  const { toc, heapAt } = readToc(window)
  const parts = partsOf(toc)
  for (const { offset, length } of parts)
    if (heapAt + offset + length > window.sizeBytes) throw unreadable('it is cut off')
  const read = (name: string): XmlElement | null => {
    const part = parts.find((one) => one.name === name)
    if (!part || part.length > FILE_LIMIT_BYTES) return null
    const bytes = window.read(heapAt + part.offset, part.length)
    const text = part.isPacked ? inflated(bytes, FILE_LIMIT_BYTES, name, window) : bytes
    return parseXml(text.toString('utf8'))
  }
  const distribution = read('Distribution')
  const info = distribution === null ? read('PackageInfo') : null
  const known =
    distribution !== null ? fromDistribution(distribution) : info ? fromPackageInfo(info) : null
  if (known === null)
    throw unreadable(
      'it contains neither a Distribution nor a PackageInfo, so it is not an installer package',
    )
  const version = cleanText(known.version, 100)
  const id = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(known.id) ? known.id : null
  return {
    name: cleanText(known.name, 200),
    version,
    arch: known.arch,
    detection:
      id === null
        ? null
        : { type: 'pkgutil', name: id, operator: 'ge', ...(version === '' ? {} : { version }) },
  }
}
