/** Reads what an installer's file tells of itself, and refuses files that are not what their name says. */
import { open, type FileHandle } from 'node:fs/promises'
import { AppError } from '#shared/contract/errors.ts'
import {
  INSTALLER_EXTENSIONS,
  INSTALLER_KINDS,
  kindOfFileName,
  type InstallerArch,
  type InstallerKind,
} from '#shared/domain/platforms.ts'
import { isArchiveKind } from '#shared/domain/archives.ts'
import { listArchive } from './archive.ts'
import { readDeb } from './deb.ts'
import { readExe } from './exe.ts'
import { cleanText, unreadable, type PackageFacts } from './facts.ts'
import { stemOf } from './file-name.ts'
import { readMsi } from './msi.ts'
import { readPkg } from './pkg.ts'
import { readRpm } from './rpm.ts'
import { readAt } from './window.ts'

export type { PackageFacts } from './facts.ts'
export { cleanFileName } from './file-name.ts'

const HEAD_BYTES = 4096
const DMG_TRAILER_BYTES = 512

/** @throws AppError E_MEDIA_TYPE with the kinds that are taken */
export function kindOrThrow(fileName: string): InstallerKind {
  const kind = kindOfFileName(fileName)
  if (kind) return kind
  const known = INSTALLER_EXTENSIONS
  throw new AppError(
    'E_MEDIA_TYPE',
    `${fileName} is not an installer that can be deployed. Files of these kinds are: ${known.join(' ')}.`,
    [{ path: '/file', message: `must end in one of ${known.join(' ')}` }],
  )
}

const startsWith = (head: Buffer, hex: string): boolean =>
  head.subarray(0, hex.length / 2).toString('hex') === hex

const isProgram = (head: Buffer): boolean =>
  startsWith(head, '4d5a') || startsWith(head, '7f454c46')
/** Scripts are text: null bytes only in UTF-16, which begins with its mark. */
const isText = (head: Buffer): boolean =>
  startsWith(head, 'fffe') || startsWith(head, 'feff') || !head.includes(0)

/** Machine word of an ELF header (System V ABI, e_machine). */
function elfArch(head: Buffer): InstallerArch {
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)
  return ({ 0x3e: 'x64', 0xb7: 'arm64', 0x03: 'x86' } as const)[machine] ?? 'any'
}

/**
 * The trailer of a disk image, which says where its data lies (newosxbook.com/DMG.html).
 * @throws AppError E_PACKAGE_UNREADABLE when that is not in the file
 */
async function hasKoly(handle: FileHandle, fileBytes: number): Promise<boolean> {
  const from = Math.max(0, fileBytes - DMG_TRAILER_BYTES)
  const koly = await readAt(handle, from, DMG_TRAILER_BYTES)
  if (koly.length < DMG_TRAILER_BYTES || koly.toString('latin1', 0, 4) !== 'koly') return false
  const dataEnd = koly.readBigUInt64BE(24) + koly.readBigUInt64BE(32)
  if (koly.readUInt32BE(8) !== DMG_TRAILER_BYTES || dataEnd > BigInt(from))
    throw unreadable('its trailer is damaged, or a part of it is missing')
  return true
}

type Look = { ok: boolean; what: string; arch?: InstallerArch }

/** Whether the bytes fit the kind that the name claims. */
async function look(kind: InstallerKind, handle: FileHandle, fileBytes: number): Promise<Look> {
  const head = await readAt(handle, 0, HEAD_BYTES)
  switch (kind) {
    case 'msi':
      return { ok: startsWith(head, 'd0cf11e0a1b11ae1'), what: 'a Windows Installer package' }
    case 'exe':
      return { ok: startsWith(head, '4d5a'), what: 'a Windows program' }
    case 'ps1':
    case 'cmd':
      return { ok: isText(head) && !isProgram(head), what: 'a script' }
    case 'sh':
      // Self-extracting archives carry bytes behind their script.
      return { ok: !isProgram(head) && head[0] !== 0, what: 'a script' }
    case 'appimage': {
      const ok = startsWith(head, '7f454c46') && head.length >= 20
      return { ok, what: 'an AppImage', ...(ok ? { arch: elfArch(head) } : {}) }
    }
    case 'pkg':
      return { ok: startsWith(head, '78617221'), what: 'a macOS installer package' }
    case 'dmg': {
      return { ok: await hasKoly(handle, fileBytes), what: 'a macOS disk image' }
    }
    case 'rpm':
      return { ok: startsWith(head, 'edabeedb'), what: 'an RPM package' }
    case 'deb':
      return { ok: startsWith(head, '213c617263683e0a'), what: 'a Debian package' }
    case 'zip':
      // Local file header, or the end record of an empty one.
      return {
        ok: startsWith(head, '504b0304') || startsWith(head, '504b0506'),
        what: 'a zip archive',
      }
    case 'tar':
      return {
        ok:
          startsWith(head, '1f8b') ||
          startsWith(head, 'fd377a585a00') ||
          head.subarray(257, 262).toString('latin1') === 'ustar',
        what: 'a tar archive (plain, gzip or xz)',
      }
  }
}

/**
 * What the file at `path` tells, completed from its name where it tells nothing.
 * @throws AppError E_PACKAGE_UNREADABLE with what is wrong
 */
export async function inspect(
  path: string,
  fileName: string,
  kind: InstallerKind,
): Promise<PackageFacts> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    if (size === 0) throw unreadable('the file is empty')
    const seen = await look(kind, handle, size)
    if (!seen.ok) throw unreadable(`${fileName} is not ${seen.what}, whatever its name says`)
    if (kind === 'deb') return await readDeb(handle, size)
    if (kind === 'rpm') return await readRpm(handle, size)
    if (kind === 'msi') return await readMsi(handle, size)
    const archive = isArchiveKind(kind)
      ? await listArchive(path, kind, await readAt(handle, 0, HEAD_BYTES))
      : null
    const program = kind === 'exe' ? await readExe(handle) : null
    const pkg = kind === 'pkg' ? await readPkg(handle, size) : null
    return {
      name: program?.name || pkg?.name || cleanText(stemOf(fileName), 200) || fileName,
      version: program?.version ?? pkg?.version ?? '',
      publisher: program?.publisher ?? '',
      platform: INSTALLER_KINDS[kind].platform,
      arch: program?.arch ?? pkg?.arch ?? seen.arch ?? 'any',
      archWord: '',
      detection: pkg?.detection ?? null,
      technology: program?.technology ?? null,
      ...(archive === null ? {} : { archive }),
    }
  } finally {
    await handle.close()
  }
}
