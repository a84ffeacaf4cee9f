/** How to start this very program again: from the sources, from a bundle, or as a single executable. */
import { resolve } from 'node:path'

export type SelfCommand = { file: string; args: string[] }

/** In a single executable there is no script, and argv[1] is the executable as it was invoked. */
export function isSingleExecutable(): boolean {
  const sea = process.getBuiltinModule?.('node:sea') as { isSea: () => boolean } | undefined
  return sea?.isSea() ?? false
}

export function selfCommand(): SelfCommand {
  if (isSingleExecutable()) return { file: process.execPath, args: [] }
  return { file: process.execPath, args: [...process.execArgv, resolve(process.argv[1] ?? '')] }
}
