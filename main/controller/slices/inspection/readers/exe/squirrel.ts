/** Squirrel.Windows: an archive of the program with a NuGet description (.nuspec) among the resources. Velopack: ./velopack.ts. */
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText } from '../../facts.ts'
import {
  guess,
  knowledgeOf,
  read,
  rulesFor,
  usual,
  warning,
  withoutEmpty,
} from '../../knowledge.ts'
import { listZip, type ZipEntry } from '../zip.ts'
import { partOf, windowOn } from '../part.ts'
import { parseXml, textIn } from '../xml.ts'
import type { Window } from '../window.ts'
import type { Program } from './program.ts'

export const isZip = (window: Window): boolean => window.read(0, 4).toString('hex') === '504b0304'
const DATA = 'DATA'
const DATA_ID = 131
const NUSPEC_LIMIT_BYTES = 256 * 1024
const UNPACKED_LIMIT_BYTES = 24 * 1024 * 1024
const SOURCE = 'package description'
const DAMAGED = 'The archive of the program inside is damaged. Download the file again.'
export const NUSPEC = /^[^/\\]+\.nuspec$/i
/** `Probe-1.2.3-full.nupkg` */
const NUPKG = /^([\w.]{1,100})-(\d[\w.-]{0,60})-full\.nupkg$/i

function descriptionIn(entries: readonly ZipEntry[]) {
  const entry = entries.find(({ name }) => NUSPEC.test(name))
  const bytes = entry?.unpack(NUSPEC_LIMIT_BYTES)
  if (!bytes) return null
  try {
    const document = parseXml(bytes.toString('utf8').replace(/^\ufeff/, ''))
    const text = (name: string, maxLength = 200) =>
      cleanText(textIn(document, name) ?? '', maxLength)
    return {
      id: text('id'),
      title: text('title'),
      version: text('version', 100),
      authors: text('authors'),
      arch: text('machineArchitecture'),
    }
  } catch {
    return null
  }
}

/** @param entries of the program's archive; null: it is damaged */
export function knowledgeFrom(
  technology: 'squirrel' | 'velopack',
  entries: readonly ZipEntry[] | null,
  named: { id?: string | undefined; version?: string | undefined },
): InstallerKnowledge {
  const found = descriptionIn(entries ?? [])
  const version = found?.version ?? named.version ?? ''
  const id = found?.id ?? named.id ?? ''
  const key = /^[\w.-]{1,100}$/.test(id) ? id : ''
  const arch =
    ({ x64: 'x64', arm64: 'arm64', x86: 'any' } as const)[found?.arch.toLowerCase() ?? ''] ??
    archOfPrograms(entries ?? [])
  return knowledgeOf(technology, {
    ...(entries === null ? { complete: false } : {}),
    scope: 'user',
    warnings: [
      ...(entries === null ? [warning('truncated', DAMAGED)] : []),
      warning(
        'per_user',
        'This installer installs for one user. The agent runs as SYSTEM, so it would land in a profile that nobody uses. Look for an installer for the whole PC.',
      ),
    ],
    facts: {
      ...withoutEmpty({
        name: read(found?.title || id, SOURCE),
        version: read(version, SOURCE),
        publisher: read(found?.authors ?? '', SOURCE),
      }),
      ...(arch ? { arch: guess(arch, 'the programs inside') } : {}),
      install_args: usual('--silent', technology),
      ...(key
        ? rulesFor({ type: 'uninstall_key', key, hive: 'user', operator: 'ge' }, version, SOURCE)
        : {}),
    },
  })
}

const MACHINES: Readonly<Record<number, InstallerArch>> = {
  0x8664: 'x64',
  0xaa64: 'arm64',
  0x14c: 'any',
}
const HEAD_BYTES = 4096
const PROGRAM_LIMIT = 20

const OF_SQUIRREL = /^(?:squirrel|update)\.exe$|_executionstub\.exe$/

/** The architecture that all of its own programs share. Squirrel's own are 32-bit. */
function archOfPrograms(entries: readonly ZipEntry[]): InstallerArch | null {
  const archs = new Set<InstallerArch>()
  const programs = entries.filter(({ name }) => {
    const [folder, , file, ...deeper] = name.toLowerCase().split('/')
    const isOwn = folder === 'lib' && file?.endsWith('.exe') && deeper.length === 0
    return isOwn && !OF_SQUIRREL.test(file ?? '')
  })
  for (const entry of programs.slice(0, PROGRAM_LIMIT)) {
    const head = entry.start(HEAD_BYTES)
    const at = head && head.length > 64 ? head.readUInt32LE(60) : Infinity
    if (!head || at + 6 > head.length || head.toString('latin1', at, at + 4) !== 'PE\0\0') continue
    const arch = MACHINES[head.readUInt16LE(at + 4)]
    if (arch) archs.add(arch)
  }
  return archs.size === 1 ? [...archs][0]! : null
}

/** The program's own archive: in the outer one, or the outer one itself. Empty: too large to unpack. Null: damaged. */
export async function packedProgram(
  outer: Window,
  entries: readonly ZipEntry[],
): Promise<ZipEntry[] | null> {
  const inner = entries.find(({ name }) => NUPKG.test(name))
  if (!inner) return [...entries]
  const place = inner.stored()
  if (place) return listZip(partOf(outer, place))
  if (inner.sizeBytes > UNPACKED_LIMIT_BYTES) return []
  const bytes = inner.unpack(UNPACKED_LIMIT_BYTES)
  return bytes && listZip(windowOn(outer, bytes))
}

export async function readSquirrel(program: Program): Promise<InstallerKnowledge | null> {
  const { window } = program
  const data = program.resource(DATA, DATA_ID)
  if (data && data.sizeBytes > 0) {
    const outer = partOf(window, data)
    const entries = await listZip(outer)
    if (entries === null) return isZip(outer) ? knowledgeFrom('squirrel', null, {}) : null
    if (!entries.some(({ name }) => name === 'RELEASES')) return null
    const fullName = entries.map(({ name }) => NUPKG.exec(name)).find((match) => match !== null)
    return knowledgeFrom('squirrel', await packedProgram(outer, entries), {
      id: fullName?.[1],
      version: fullName?.[2],
    })
  }
  return null
}
