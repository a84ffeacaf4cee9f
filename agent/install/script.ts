/** Scripts and programs on Linux and macOS. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import { chmodSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { impossible, type Job, type Prepared } from './installers.ts'
import { normalizeScriptFile } from './script-text.ts'

/** ELF, and the variants of Mach-O: 64-bit little-endian, and several architectures in one. */
const PROGRAM_MAGIC = ['7f454c46', 'cffaedfe', 'cafebabe']

export async function firstBytes(file: string, count: number): Promise<Buffer> {
  const handle = await open(file, 'r')
  try {
    const buffer = Buffer.alloc(count)
    const { bytesRead } = await handle.read(buffer, 0, count, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/**
 * The interpreter of a script, by its first line as execve(2) reads it: one program, at most one argument.
 * Parsed here so that scripts also run from a file system mounted `noexec`. Without such a line: /bin/sh.
 */
export function interpreterOf(beginning: string): { file: string; args: string[] } {
  const [line = ''] = beginning.split('\n', 1)
  const words = line.startsWith('#!') ? line.slice(2).trim() : ''
  const file = /^\S+/.exec(words)?.[0]
  if (file === undefined) return { file: '/bin/sh', args: [] }
  const argument = words.slice(file.length).trim()
  return { file, args: argument === '' ? [] : [argument] }
}

export async function prepareScript(
  { payload, packageFile }: Job,
  env: Record<string, string> = {},
): Promise<Prepared> {
  if (packageFile === null) return impossible('install_failed', coded('script_removal', {}))
  // Its folder is private; files that the script copies are for everyone.
  chmodSync(packageFile, 0o755)
  await normalizeScriptFile(packageFile, 'sh')
  const beginning = await firstBytes(packageFile, 256)
  const isProgram = PROGRAM_MAGIC.includes(beginning.subarray(0, 4).toString('hex'))
  const { file, args } = isProgram
    ? { file: packageFile, args: [] }
    : interpreterOf(beginning.toString('latin1'))
  return {
    ok: true,
    command: {
      file,
      args: isProgram ? payload.argv : [...args, packageFile, ...payload.argv],
      verbatim: false,
    },
    env,
    before: null,
  }
}

/** The refusal for an uninstall without an uninstaller. */
export const noRemoval = (): Prepared => impossible('install_failed', coded('archive_removal', {}))
