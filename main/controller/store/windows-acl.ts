/**
 * Reads who the user is and who may access a folder from the output of Windows' own programs, and
 * decides what has to change. Only SIDs count, because names differ by language. Pure.
 */

/** One entry of an access list. */
type Ace = { isAllowed: boolean; flags: string; rights: string; sid: string }
export type AccessList = { isProtected: boolean; aces: readonly Ace[] }
/** Null: the list cannot be read, so anybody may have access. */
export type SavedList = { path: string; list: AccessList | null }

const SYSTEM = 'S-1-5-18'
const ADMINISTRATORS = 'S-1-5-32-544'
/** Abbreviations of SDDL (learn.microsoft.com/windows/win32/secauthz/sid-strings). */
const ALIASES: Readonly<Record<string, string>> = {
  ...{ SY: SYSTEM, BA: ADMINISTRATORS, LS: 'S-1-5-19', NS: 'S-1-5-20', WD: 'S-1-1-0' },
  ...{ CO: 'S-1-3-0', CG: 'S-1-3-1', OW: 'S-1-3-4', NU: 'S-1-5-2', IU: 'S-1-5-4' },
  ...{ SU: 'S-1-5-6', AN: 'S-1-5-7', PS: 'S-1-5-10', AU: 'S-1-5-11', RC: 'S-1-5-12' },
  ...{ BU: 'S-1-5-32-545', BG: 'S-1-5-32-546', PU: 'S-1-5-32-547', AO: 'S-1-5-32-548' },
  ...{ SO: 'S-1-5-32-549', PO: 'S-1-5-32-550', BO: 'S-1-5-32-551', RE: 'S-1-5-32-552' },
  ...{ RU: 'S-1-5-32-554', RD: 'S-1-5-32-555', NO: 'S-1-5-32-556', AC: 'S-1-15-2-1' },
}
/** Abbreviations of accounts and groups of this PC or its domain, by the last number of the SID. */
const ACCOUNT_ALIASES: Readonly<Record<string, number>> = {
  ...{ LA: 500, LG: 501, DA: 512, DU: 513, DG: 514, DC: 515, DD: 516, CA: 517, SA: 518, EA: 519 },
}
const SID = /^S-1-[0-9]{1,15}(?:-[0-9]{1,10}){1,15}$/

/** The SID in the output of `whoami /user /fo csv /nh`; null if there is none. */
export function sidOfUser(output: string): string | null {
  const [, sid = ''] = /","([^"]{1,200})"$/.exec(output.trim()) ?? []
  return SID.test(sid) ? sid : null
}

/** @param own the user's SID, which has the same beginning as the accounts beside it */
function sidOf(trustee: string, own: string): string | null {
  if (SID.test(trustee)) return trustee
  if (Object.hasOwn(ALIASES, trustee)) return ALIASES[trustee]!
  const isAccount = own.startsWith('S-1-5-21-') && Object.hasOwn(ACCOUNT_ALIASES, trustee)
  return isAccount ? own.slice(0, own.lastIndexOf('-') + 1) + ACCOUNT_ALIASES[trustee] : null
}

/** Lists are shorter than 64 KiB on Windows. */
const SDDL_LIMIT_CHARS = 1024 * 1024
const ACE_FLAGS = /^(?:OI|CI|NP|IO|ID){0,5}$/
/** Null for anything but plain entries: null lists, conditions, objects and damaged text. */
export function readSddl(sddl: string): AccessList | null {
  if (!sddl.startsWith('D:') || sddl.length > SDDL_LIMIT_CHARS) return null
  const first = sddl.indexOf('(')
  const flags = sddl.slice(2, first === -1 ? undefined : first)
  if (!/^(?:P|AI|AR){0,3}$/.test(flags)) return null
  const isProtected = flags.includes('P')
  if (first === -1) return { isProtected, aces: [] }
  if (!sddl.endsWith(')')) return null
  const aces: Ace[] = []
  for (const entry of sddl.slice(first + 1, -1).split(')(')) {
    const fields = entry.split(';')
    const [type = '', inherited = '', rights = '', object = '', parent = '', sid = ''] = fields
    const isPlain = fields.length === 6 && object === '' && parent === ''
    if (!isPlain || (type !== 'A' && type !== 'D') || !ACE_FLAGS.test(inherited)) return null
    if (!/^[A-Za-z0-9]{0,32}$/.test(rights)) return null
    if (!/^[A-Z]{2}$/.test(sid) && !SID.test(sid)) return null
    aces.push({ isAllowed: type === 'A', flags: inherited, rights, sid })
  }
  return { isProtected, aces }
}

/**
 * The file that `icacls FOLDER /save` writes: a line with the path and a line with its access list,
 * for each entry, in UTF-16LE. @returns null if the file is truncated or is something else
 */
export function readSaved(bytes: Buffer): SavedList[] | null {
  if (bytes.length % 2 !== 0) return null
  const text = bytes.toString('utf16le').replace(/^\uFEFF/, '')
  const lines = text.split('\r\n')
  // The last line is terminated, too.
  if (lines.pop() !== '' || lines.length === 0 || lines.length % 2 !== 0) return null
  const saved: SavedList[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const path = lines[i]!
    // A shifted file would take lists for paths.
    if (path === '' || path.startsWith('D:')) return null
    saved.push({ path, list: readSddl(lines[i + 1]!) })
  }
  return saved
}

/** What has to change so that only the user, the system and administrators have access. */
export type Repair = {
  /** The folder's own list is not exactly as wanted. */
  isFolderOpen: boolean
  /** SIDs to remove from the folder's own list: foreign ones, and those that are denied something. */
  removed: string[]
  /** Entries below the folder that others may access. */
  exposed: string[]
}
const hasFullAccess = ({ isAllowed, flags, rights }: Ace): boolean =>
  isAllowed && /^(?:OICI|CIOI)$/.test(flags) && /^(?:FA|0x1f01ff)$/i.test(rights)

/** @param saved of the folder, and then of everything in it. @param own the user's SID */
export function repairOf([folder, ...below]: readonly SavedList[], own: string): Repair {
  const allowed = new Set([own, SYSTEM, ADMINISTRATORS])
  const isForeign = ({ sid }: Ace): boolean => !allowed.has(sidOf(sid, own) ?? '')
  const aces = folder?.list?.aces ?? []
  const unwanted = aces.filter((ace) => isForeign(ace) || !ace.isAllowed)
  const isOwned = aces.some((ace) => sidOf(ace.sid, own) === own && hasFullAccess(ace))
  return {
    isFolderOpen: !folder?.list?.isProtected || unwanted.length > 0 || !isOwned,
    removed: [...new Set(unwanted.flatMap(({ sid }) => sidOf(sid, own) ?? []))],
    exposed: below
      .filter(({ list }) => list === null || list.aces.some(isForeign))
      .map(({ path }) => path),
  }
}

const full = (sid: string): string => `*${sid}:(OI)(CI)F`
/** Arguments of icacls. The owner of a folder may change its list, whatever the list says. */
export const ownFolder = (folder: string, own: string): string[] => [
  ...[folder, '/setowner', `*${own}`, '/Q'],
]
/** `/grant:r` replaces the entries of those who keep access only. */
export const closeFolder = (
  folder: string,
  own: string,
  removed: readonly string[],
): string[][] => [
  ...(removed.length > 0 ? [[folder, '/remove', ...removed.map((sid) => `*${sid}`), '/Q']] : []),
  [folder, '/inheritance:r', '/grant:r', ...[own, SYSTEM, ADMINISTRATORS].map(full), '/Q'],
]
/** `/L`: never the target of a link. */
export const ownContents = (folder: string, own: string): string[] => [
  ...[`${folder}\\*`, '/setowner', `*${own}`, '/T', '/L', '/Q'],
]
/** Everything below the folder inherits the folder's list, and has no entries of its own. */
export const closeContents = (folder: string): string[] => [
  ...[`${folder}\\*`, '/reset', '/T', '/L', '/Q'],
]
