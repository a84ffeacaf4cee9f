/**
 * AppImages (github.com/AppImage/AppImageSpec): a Linux program followed by a file system. Its desktop entry is in that file
 * system, which is not unpacked here; the name of the file follows a convention that is used instead.
 */
import type { InstallerArch } from '#shared/domain/platforms.ts'
import { cleanText, unreadable, type PackageFacts } from '../facts.ts'
import { guess, knowledgeOf, read, usual, withoutEmpty } from '../knowledge.ts'
import type { Window } from './window.ts'

const HEADER_BYTES = 64
/** e_machine of the System V ABI. */
const MACHINES: Readonly<Record<number, InstallerArch>> = {
  0x3e: 'x64',
  0xb7: 'arm64',
  0x03: 'x86',
}
const SQUASHFS_MAGIC = 0x73717368
const SUPERBLOCK_BYTES = 96

/** Elf32_Ehdr and Elf64_Ehdr of the System V ABI: their sizes, and where they name them. */
const CLASSES: Readonly<Record<number, { sizeAt: number; size: number; entrySize: number }>> = {
  1: { sizeAt: 40, size: 52, entrySize: 32 },
  2: { sizeAt: 52, size: 64, entrySize: 56 },
}
const CURRENT_VERSION = 1
/** Executable, and position-independent. */
const PROGRAM_TYPES = [2, 3]

/** Whether this is the header of a program that Linux could load. */
export function isLinuxProgram(head: Buffer): boolean {
  const format = CLASSES[head[4] ?? 0]
  const isLittle = head[5] === 1
  if (head.length < HEADER_BYTES || head.toString('latin1', 0, 4) !== '\x7fELF') return false
  if (!format || !(isLittle || head[5] === 2) || head[6] !== CURRENT_VERSION) return false
  const short = (at: number): number => (isLittle ? head.readUInt16LE(at) : head.readUInt16BE(at))
  const version = isLittle ? head.readUInt32LE(20) : head.readUInt32BE(20)
  return (
    PROGRAM_TYPES.includes(short(16)) &&
    version === CURRENT_VERSION &&
    short(format.sizeAt) === format.size &&
    short(format.sizeAt + 2) === format.entrySize &&
    short(format.sizeAt + 4) > 0
  )
}

/** Where the program ends by its own header, and what follows begins. */
function endOfProgram(header: Buffer): number {
  const is64Bit = header[4] === 2
  const at = is64Bit ? Number(header.readBigUInt64LE(40)) : header.readUInt32LE(32)
  const [size, count] = is64Bit ? [58, 60] : [46, 48]
  return at + header.readUInt16LE(size) * header.readUInt16LE(count)
}

/** Whether every byte is there; null: it has no file system of the usual kind. @throws AppError E_PACKAGE_UNREADABLE */
function checkComplete(window: Window, from: number): boolean | null {
  if (!Number.isSafeInteger(from)) return null
  if (from > window.sizeBytes) throw unreadable('it is cut off within its program')
  const superblock = window.read(from, SUPERBLOCK_BYTES)
  if (superblock.length < SUPERBLOCK_BYTES)
    throw unreadable('it is cut off: the file system after its program is missing')
  if (superblock.readUInt32LE(0) !== SQUASHFS_MAGIC) return null
  const end = from + Number(superblock.readBigUInt64LE(40))
  if (end > window.sizeBytes)
    throw unreadable(
      `it is cut off: it should have ${end} bytes, but only ${window.sizeBytes} are there`,
    )
  return true
}

const SYSTEM = /^(?:x86|amd64|aarch64|arm64|armhf|i[3-6]86|linux)/i

/** `Tool-1.2-x86_64.AppImage`: name, version, architecture. */
function namesOf(fileName: string): { name: string; version: string } {
  const words = fileName.replace(/\.appimage$/i, '').split(/[-_]/)
  const from = words.findIndex((word, i) => i > 0 && /^v?\d+\.\d/i.test(word))
  if (from < 0) return { name: '', version: '' }
  const system = words.findIndex((word, i) => i > from && SYSTEM.test(word))
  const version = words.slice(from, system < 0 ? undefined : system).join('-')
  const nameBytes = words.slice(0, from).join('-').length
  return {
    name: cleanText(fileName.slice(0, nameBytes).replaceAll('_', ' '), 200),
    version: cleanText(version.replace(/^v/i, ''), 100),
  }
}

/** @throws AppError E_PACKAGE_UNREADABLE with the problem */
export function readAppImage(window: Window, fileName: string): Partial<PackageFacts> {
  const header = window.read(0, HEADER_BYTES)
  const machine = header[5] === 2 ? header.readUInt16BE(18) : header.readUInt16LE(18)
  const arch = MACHINES[machine]
  const isMarked = header.toString('latin1', 8, 10) === 'AI'
  if (!isMarked || header.length < HEADER_BYTES) return { arch: arch ?? 'any' }
  const complete = checkComplete(window, endOfProgram(header))
  const { name, version } = namesOf(fileName)
  return {
    name,
    version,
    arch: arch ?? 'any',
    knowledge: knowledgeOf('appimage', {
      complete,
      scope: 'machine',
      facts: withoutEmpty({
        name: guess(name, 'the name of the file'),
        version: guess(version, 'the name of the file'),
        ...(arch ? { arch: read(arch, 'the header of its program') } : {}),
        install_args: usual('', 'AppImages are copied, not run'),
      }),
    }),
  }
}
