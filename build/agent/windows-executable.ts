/**
 * Makes the Windows agent from node.exe. The blob is an ordinary resource there, so the library that writes
 * name, version and icon embeds it too. Any change invalidates Node's signature, so the signature is removed.
 */
import fs from 'node:fs/promises'
import path from 'node:path'
import { createRequire } from 'node:module'
import { projectRoot } from '../support/project.ts'

/**
 * The parts of pe-library 0.4 and resedit 1.x that we use. Importing their own types would add the DOM types
 * to the whole project.
 */
type Entries = {
  type: string | number
  id: string | number
  lang: string | number
  codepage: number
  bin: ArrayBuffer
}[]
type Executable = { generate: () => ArrayBuffer }
type PeLibrary = {
  NtExecutable: { from: (bytes: Buffer, options: { ignoreCert: boolean }) => Executable }
  NtExecutableResource: {
    from: (executable: Executable) => {
      entries: Entries
      outputResource: (executable: Executable) => void
    }
  }
}
type ResEdit = {
  Resource: {
    VersionInfo: {
      fromEntries: (entries: Entries) => {
        setFileVersion: (...numbers: number[]) => void
        setProductVersion: (...numbers: number[]) => void
        getAllLanguagesForStringValues: () => { lang: number; codepage: number }[]
        setStringValues: (
          language: { lang: number; codepage: number },
          values: Record<string, string>,
        ) => void
        outputToResourceEntries: (entries: Entries) => void
      }[]
    }
    IconGroupEntry: {
      fromEntries: (entries: Entries) => { id: string | number; lang: string | number }[]
      replaceIconsForResource: (
        entries: Entries,
        id: string | number,
        lang: string | number,
        icons: unknown[],
      ) => void
    }
  }
  Data: { IconFile: { from: (bytes: Buffer) => { icons: { data: unknown }[] } } }
}
const load = createRequire(import.meta.url)
const { NtExecutable, NtExecutableResource } = load('pe-library') as PeLibrary
const { Data, Resource } = load('resedit') as ResEdit

const RT_RCDATA = 10
const ENGLISH = 1033
const UTF16 = 1200

async function readManifest(): Promise<{ version: string; author: string }> {
  const text = await fs.readFile(path.join(projectRoot, 'package.json'), 'utf8')
  return JSON.parse(text) as { version: string; author: string }
}

/** Flips the fuse (`…:0` → `…:1`) that makes Node run the embedded program. It must occur exactly once. */
export function turnFuse(executable: Buffer, fuse: string): void {
  const off = Buffer.from(`${fuse}:0`, 'latin1')
  const at = executable.indexOf(off)
  if (at < 0 || executable.indexOf(off, at + 1) >= 0)
    throw new Error('this Node cannot carry a program: its fuse is not there once')
  executable.write('1', at + off.length - 1, 'latin1')
}

/**
 * Makes Windows load the linked libraries from System32 only, not from the folder of the executable: people
 * start it from Downloads, where any website may have dropped a DLL. See
 * learn.microsoft.com/windows/win32/debug/pe-format, load configuration directory; needs Windows 10 1607 or
 * later.
 * @throws Error if the executable's load configuration is missing or too short
 */
export function loadFromSystemOnly(executable: Buffer): void {
  executable.writeUInt16LE(LOAD_LIBRARY_SEARCH_SYSTEM32, dependentLoadFlagsAt(executable))
}

const LOAD_LIBRARY_SEARCH_SYSTEM32 = 0x800
const LOAD_CONFIGURATION = 10
const DEPENDENT_LOAD_FLAGS = 0x4e

/** File offset of the 16-bit DependentLoadFlags field in a 64-bit executable. */
export function dependentLoadFlagsAt(executable: Buffer): number {
  const pe = executable.readUInt32LE(0x3c)
  const optional = pe + 24
  const isPe64 = executable.readUInt16LE(optional) === 0x20b
  const rva = isPe64 ? executable.readUInt32LE(optional + 112 + LOAD_CONFIGURATION * 8) : 0
  const sections = optional + executable.readUInt16LE(pe + 20)
  for (let n = 0; n < executable.readUInt16LE(pe + 6); n++) {
    const header = sections + n * 40
    const [size, address] = [
      executable.readUInt32LE(header + 8),
      executable.readUInt32LE(header + 12),
    ]
    if (rva < address || rva >= address + size) continue
    const at = executable.readUInt32LE(header + 20) + rva - address
    if (executable.readUInt32LE(at) >= DEPENDENT_LOAD_FLAGS + 2) return at + DEPENDENT_LOAD_FLAGS
  }
  throw new Error(
    'this Node has no load configuration: its libraries would be looked for beside it',
  )
}

export async function writeWindowsExecutable(step: {
  node: string
  blob: string
  /** Name of the resource in which Node looks for the blob, and its fuse. */
  resource: string
  fuse: string
  output: string
}): Promise<void> {
  const { version, author } = await readManifest()
  const executable = NtExecutable.from(await fs.readFile(step.node), { ignoreCert: true })
  const resources = NtExecutableResource.from(executable)
  const [info] = Resource.VersionInfo.fromEntries(resources.entries)
  if (!info) throw new Error('node.exe carries no version')
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map((part) => Number(part) || 0)
  info.setFileVersion(major, minor, patch, 0)
  info.setProductVersion(major, minor, patch, 0)
  for (const language of info.getAllLanguagesForStringValues())
    info.setStringValues(language, {
      ProductName: 'DeployX',
      FileDescription: 'DeployX agent',
      CompanyName: author,
      FileVersion: version,
      ProductVersion: version,
      InternalName: 'deployx-agent',
      OriginalFilename: 'deployx-agent.exe',
      LegalCopyright: `Copyright ${author}. Contains Node.js, copyright Node.js contributors.`,
    })
  info.outputToResourceEntries(resources.entries)
  const icon = await fs.readFile(path.join(projectRoot, 'build/icons/app/deployx.ico'))
  for (const group of Resource.IconGroupEntry.fromEntries(resources.entries))
    Resource.IconGroupEntry.replaceIconsForResource(
      resources.entries,
      group.id,
      group.lang,
      Data.IconFile.from(icon).icons.map((one) => one.data),
    )
  resources.entries.push({
    type: RT_RCDATA,
    id: step.resource,
    lang: ENGLISH,
    codepage: UTF16,
    bin: new Uint8Array(await fs.readFile(step.blob)).buffer,
  })
  resources.outputResource(executable)
  const bytes = Buffer.from(executable.generate())
  turnFuse(bytes, step.fuse)
  loadFromSystemOnly(bytes)
  await fs.writeFile(step.output, bytes)
}
