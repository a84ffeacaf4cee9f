/** Software installed on the PCs, grouped into programs and versions: the newest found, and the PCs with an older one. Pure. */
import type { SpreadSoftware, ReportedSoftware } from '#shared/contract/inventory.ts'
import type { Device } from '#shared/contract/rest/devices.ts'
import type { DeviceId } from '#shared/domain/ids.ts'
import { compareDeb, compareRpm } from '#shared/domain/versions.ts'
import { foldedForSearch } from '#shared/domain/folding.ts'
import { formatCount } from '../../ui/lib/format.ts'
import { byName } from '../../ui/lib/search.ts'
import { t } from './texts.ts'

export type FoundVersion = {
  /** Null: unknown. */
  version: string | null
  age: 'newest' | 'older' | 'unknown'
  deviceIds: DeviceId[]
}
export type FoundProgram = {
  /** Stable across searches. */
  key: string
  name: string
  publisher: string | null
  /** Newest first, unknown last. Never empty. */
  versions: FoundVersion[]
  deviceIds: DeviceId[]
  /** PCs with an older version than the newest found, even if they have the newest too. */
  behindIds: DeviceId[]
}

/** "24.08", "v3.0.21", "(128.0.1)": a word that is a version, without the characters around it. */
const VERSION_WORD = /^[v(]*(\d+(?:\.\d+)+)[),]*$/i
const leading = (version: string): string => /\d+/.exec(version.replace(/^\d+:/, ''))?.[0] ?? ''

/** "(x64)", "(x64 edition)", "(64-bit x64)", "(x64 de)", "x86": processor architecture and language. */
const BUILD =
  /\((?:x64|x86|amd64|arm64|64[- ]bit|32[- ]bit)\b[^()]*\)|(?<=\s)(?:x64|x86|(?:64|32)-bit)(?=\s|$)/gi

/**
 * The name without the version and architecture that Windows programs include in it, so that all versions are one program:
 * "7-Zip 24.08 (x64)" is "7-Zip". A number that does not start like the version is part of the name.
 */
export function programName({ name, version }: Pick<SpreadSoftware, 'name' | 'version'>): string {
  const major = version === null ? '' : leading(version)
  const words = name
    .replaceAll(BUILD, ' ')
    .split(/\s+/)
    .filter((word) => {
      const number = VERSION_WORD.exec(word)?.[1]
      return word !== '' && (number === undefined || leading(number) !== major)
    })
  while (/^([-–:]|version)$/i.test(words.at(-1) ?? '')) words.pop()
  return words.join(' ') || name
}

const EARLY = /^(~|alpha|beta|b|rc|pre|preview|dev)$/
/** The rank of the end of a version: above pre-releases, below everything that extends it. */
const END = 1
const rankOf = (part: string): number =>
  EARLY.test(part) ? 0 : part === '' ? END : /^\d/.test(part) ? 3 : 2
const parts = (version: string): string[] => {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?(.*)$/s.exec(version) ?? []
  return [epoch, ...(rest.toLowerCase().match(/\d+|\+?[a-z]+|~/g) ?? [])]
}
function compareNumbers(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return x.length - y.length || (x < y ? -1 : x > y ? 1 : 0)
}

/**
 * Negative if `a` is older than `b`. Numbers compare numerically, missing ones as 0; an epoch (`1:2.0`) is compared first;
 * a part after `~` (deb-version(7)), or named alpha, beta or rc, sorts before the version without it.
 */
export function compareVersions(a: string, b: string): number {
  const [as, bs] = [parts(a), parts(b)]
  for (let i = 0; i < Math.max(as.length, bs.length); i++) {
    const [x, y] = [as[i] ?? '', bs[i] ?? '']
    const numbers = rankOf(x || '0') === 3 && rankOf(y || '0') === 3
    const order = numbers
      ? compareNumbers(x, y)
      : rankOf(x) - rankOf(y) || (x < y ? -1 : x > y ? 1 : 0)
    if (order !== 0) return order
  }
  return 0
}

/** Package managers define their own version order. All entries of a program come from one source. */
const orderOf = (source: SpreadSoftware['source']): ((a: string, b: string) => number) =>
  source === 'dpkg' ? compareDeb : source === 'rpm' ? compareRpm : compareVersions

const union = (lists: Iterable<readonly DeviceId[]>): DeviceId[] => [...new Set([...lists].flat())]

function toProgram(key: string, found: readonly SpreadSoftware[]): FoundProgram {
  const compare = orderOf(found[0]!.source)
  const byVersion = new Map<string | null, SpreadSoftware[]>()
  for (const entry of found)
    byVersion.set(entry.version, [...(byVersion.get(entry.version) ?? []), entry])
  const known = [...byVersion.keys()]
    .filter((version) => version !== null)
    .sort((a, b) => compare(b, a) || byName(b, a))
  const [newest] = known
  const versions = [...known, ...(byVersion.has(null) ? [null] : [])].map(
    (version): FoundVersion => ({
      version,
      age:
        version === null || newest === undefined
          ? 'unknown'
          : compare(version, newest) === 0
            ? 'newest'
            : 'older',
      deviceIds: union(byVersion.get(version)!.map((entry) => entry.device_ids)),
    }),
  )
  const first = byVersion.get(versions[0]!.version)![0]!
  return {
    key,
    name: programName(first),
    publisher: first.publisher,
    versions,
    deviceIds: union(versions.map((v) => v.deviceIds)),
    behindIds: union(versions.filter((v) => v.age === 'older').map((v) => v.deviceIds)),
  }
}

/** One program per name and source; those with the most outdated PCs come first. */
export function groupPrograms(software: readonly SpreadSoftware[]): FoundProgram[] {
  const byKey = new Map<string, SpreadSoftware[]>()
  for (const entry of software) {
    const key = `${entry.source}/${foldedForSearch(programName(entry))}`
    const group = byKey.get(key)
    if (group) group.push(entry)
    else byKey.set(key, [entry])
  }
  return [...byKey]
    .map(([key, found]) => toProgram(key, found))
    .sort(
      (a, b) =>
        b.behindIds.length - a.behindIds.length ||
        b.deviceIds.length - a.deviceIds.length ||
        byName(a.name, b.name),
    )
}

/** A row of the list: a program with its only version, the header of one with several, or one of its versions. */
export type FoundRow = {
  row: number
  program: FoundProgram
  version: FoundVersion | null
  isHead: boolean
}
export function rowsOf(programs: readonly FoundProgram[]): FoundRow[] {
  const rows = programs.flatMap((program): Omit<FoundRow, 'row'>[] => {
    const [only, ...others] = program.versions
    if (only && others.length === 0) return [{ program, version: only, isHead: true }]
    return [
      { program, version: null, isHead: true },
      ...program.versions.map((version) => ({ program, version, isHead: false })),
    ]
  })
  return rows.map((row, index) => ({ ...row, row: index }))
}

export type Coverage = {
  /** PCs whose software is known. */
  known: number
  total: number
  /** PCs that have not reported their software, or cannot. Sorted by name. */
  unknown: Device[]
  /** Known, but offline: the data is from when they were last online. */
  offline: number
  /** With more entries than are stored: a program may be installed but not found. */
  incomplete: number
}
/** @param devices all enrolled PCs */
export function coverageOf(
  devices: readonly Device[],
  reported: readonly ReportedSoftware[],
): Coverage {
  const reportOf = new Map(reported.map((t) => [t.device_id, t]))
  const known = devices.filter((d) => reportOf.has(d.id))
  return {
    known: known.length,
    total: devices.length,
    unknown: devices.filter((d) => !reportOf.has(d.id)).sort((a, b) => byName(a.name, b.name)),
    offline: known.filter((d) => !d.online).length,
    incomplete: known.filter((d) => reportOf.get(d.id)?.complete === false).length,
  }
}

/** "38 of 42 PCs have reported their software; 3 of them are offline and may have changed since." */
export function coverageInWords({ known, total, offline, incomplete }: Coverage): string {
  const notes = [
    known === total
      ? t('coverage.all', { n: total })
      : t('coverage.some', { n: total, known: formatCount(known) }),
    ...(offline > 0 ? [t('coverage.offline', { n: offline })] : []),
    ...(incomplete > 0 ? [t('coverage.incomplete', { n: incomplete })] : []),
  ]
  return `${notes.join('; ')}.`
}
