/**
 * macOS installer packages: an xar archive (github.com/mackyle/xar/wiki/xarformat) whose table of contents is XML. A product has a
 * file `Distribution`, a single component a file `PackageInfo` (Apple, "Distribution Definition XML Schema"). Not tried on packages
 * of Apple's own tools here: those in the tests are made by the same description.
 */
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from './facts.ts'
import { readAt } from './window.ts'
import { attributesOf, elementsOf, textIn } from './xml.ts'

const HEADER_BYTES = 28
const TOC_LIMIT_BYTES = 16 * 1024 * 1024
const FILE_LIMIT_BYTES = 4 * 1024 * 1024

async function inflated(packed: Buffer, limitBytes: number, what: string): Promise<Buffer> {
  try {
    return await promisify(inflate)(packed, { maxOutputLength: limitBytes })
  } catch (error) {
    throw unreadable(`${what} is damaged, or larger than is read`, error)
  }
}

/** @returns the table of contents, and where the files begin */
async function readToc(handle: FileHandle, fileBytes: number) {
  const header = await readAt(handle, 0, HEADER_BYTES)
  if (header.length < HEADER_BYTES) throw unreadable('it is cut off')
  const headerBytes = header.readUInt16BE(4)
  const packedBytes = Number(header.readBigUInt64BE(8))
  const heapAt = headerBytes + packedBytes
  if (headerBytes < HEADER_BYTES || packedBytes > TOC_LIMIT_BYTES || heapAt > fileBytes)
    throw unreadable('its table of contents is damaged, or it is cut off')
  const packed = await readAt(handle, headerBytes, packedBytes)
  return {
    toc: (await inflated(packed, TOC_LIMIT_BYTES, 'its table of contents')).toString('utf8'),
    heapAt,
  }
}

type Part = { name: string; offset: number; length: number; isPacked: boolean }

/** Files of the table of contents, wherever they lie. The name of a file stands behind its data, or before it. */
function partsOf(toc: string): Part[] {
  return elementsOf(toc, 'file').flatMap(({ content }) => {
    // Of a folder its own fields stand outside of the files in it.
    const own = content.replace(/<file\b[\s\S]*<\/file>/, '')
    const name = textIn(own, 'name')
    const data = elementsOf(own, 'data')[0]?.content ?? ''
    const [offset, length] = ['offset', 'length'].map((field) => Number(textIn(data, field) ?? NaN))
    const encoding = elementsOf(data, 'encoding')[0]
    const style = encoding ? attributesOf(encoding.tag)['style'] : undefined
    if (name === null || !Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) return []
    if (style !== undefined && !/gzip|octet-stream/.test(style)) return []
    return [{ name, offset: offset!, length: length!, isPacked: /gzip/.test(style ?? '') }]
  })
}

/** `hostArchitectures` of a distribution: what it runs on. */
function archOf(word: string | undefined): InstallerArch {
  const names = (word ?? '').split(',').map((name) => name.trim())
  if (names.length !== 1) return 'any'
  return ({ arm64: 'arm64', x86_64: 'x64' } as const)[names[0]!] ?? 'any'
}

type Known = { name: string; version: string; id: string; arch: InstallerArch }

function fromDistribution(xml: string): Known {
  const attributes = (name: string) => elementsOf(xml, name).map(({ tag }) => attributesOf(tag))
  const packages = attributes('pkg-ref')
    .filter(({ id, version }) => id && version)
    .sort((a, b) => Number(b['installKBytes'] ?? 0) - Number(a['installKBytes'] ?? 0))
  const [main] = packages
  const product = attributes('product')[0]
  const title = textIn(xml, 'title') ?? ''
  return {
    // A key of its translations is no name.
    name: /^[A-Z0-9_]+$/.test(title) ? '' : title,
    version: product?.['version'] ?? main?.['version'] ?? '',
    id: main?.['id'] ?? '',
    arch: archOf(attributes('options')[0]?.['hostArchitectures']),
  }
}

function fromPackageInfo(xml: string): Known {
  const info = elementsOf(xml, 'pkg-info')[0]
  const { identifier = '', version = '' } = info ? attributesOf(info.tag) : {}
  return { name: '', version, id: identifier, arch: 'any' }
}

/**
 * What it tells of itself; what it does not tell is left empty.
 * @throws AppError E_PACKAGE_UNREADABLE with what is wrong
 */
export async function readPkg(
  handle: FileHandle,
  fileBytes: number,
): Promise<Pick<PackageFacts, 'name' | 'version' | 'arch' | 'detection'>> {
  const { toc, heapAt } = await readToc(handle, fileBytes)
  const parts = partsOf(toc)
  for (const { offset, length } of parts)
    if (heapAt + offset + length > fileBytes) throw unreadable('it is cut off')
  const read = async (name: string): Promise<string | null> => {
    const part = parts.find((one) => one.name === name)
    if (!part || part.length > FILE_LIMIT_BYTES) return null
    const bytes = await readAt(handle, heapAt + part.offset, part.length)
    return (part.isPacked ? await inflated(bytes, FILE_LIMIT_BYTES, name) : bytes).toString('utf8')
  }
  const distribution = await read('Distribution')
  const info = distribution === null ? await read('PackageInfo') : null
  const known =
    distribution !== null ? fromDistribution(distribution) : info ? fromPackageInfo(info) : null
  if (known === null)
    throw unreadable(
      'it holds neither a Distribution nor a PackageInfo, so it is no installer package',
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
