/**
 * The Windows helper (windows-helper/helper.c), which is embedded in the single executable. It is written to
 * a folder that only administrators can write to; without administrator rights, next to the executable:
 * anyone who can replace it there could replace the agent itself.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { renameDurably, syncFile } from './atomic-file.ts'
import { layoutOf } from '../service/layout.ts'
import { isAdministratorsPlace } from './writable-by-others.ts'

const ASSET = 'deployx-helper.exe'
const OWN_NAME = /^deployx-helper-[0-9a-f]{12}\.exe$/

type Sea = { isSea: () => boolean; getRawAsset: (name: string) => ArrayBuffer }

/** The helper's bytes, or null: not Windows, not the single executable, or built without it. */
export function helperBytes(): Buffer | null {
  if (process.platform !== 'win32') return null
  const sea = process.getBuiltinModule?.('node:sea') as Sea | undefined
  try {
    return sea?.isSea() ? Buffer.from(sea.getRawAsset(ASSET)) : null
  } catch {
    return null
  }
}

const isSame = (file: string, bytes: Buffer): boolean => {
  try {
    return readFileSync(file).equals(bytes)
  } catch {
    return false
  }
}

/** Removes helpers of earlier versions; one that still watches an installer stays until it has ended. */
function removeOthers(folder: string, name: string): void {
  for (const other of readdirSync(folder))
    if (OWN_NAME.test(other) && other !== name)
      try {
        rmSync(join(folder, other))
      } catch {
        // In use, or not ours to remove.
      }
}

function putInPlace(folder: string): string | null {
  const bytes = helperBytes()
  if (!bytes) return null
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const name = `deployx-helper-${hash}.exe`
  const file = join(folder, name)
  if (isSame(file, bytes)) return file
  const temporary = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(temporary, bytes)
    syncFile(temporary)
    renameDurably(temporary, file)
    removeOthers(folder, name)
    return file
  } catch {
    rmSync(temporary, { force: true })
    // Another process of the agent may have been faster. On a read-only medium there is none.
    return isSame(file, bytes) ? file : null
  }
}

const RUN_TIMEOUT_MS = 10_000

let known: string | null | undefined

/**
 * An agent that runs elevated in Downloads must not start a program there: anyone may have put a DLL next to
 * it.
 */
function administratorsFolder(): string | null {
  const { folder } = layoutOf('windows', process.env)
  try {
    mkdirSync(folder, { recursive: true })
    return folder
  } catch {
    // Not elevated: the helper has no more rights than anyone who could replace it.
    return null
  }
}

/** Its path, or null if there is none: Windows' own means are used then. */
export function windowsHelper(): string | null {
  if (known !== undefined || helperBytes() === null) return known ?? null
  const own = dirname(process.execPath)
  const safe = isAdministratorsPlace(process.execPath, process.env) ? own : administratorsFolder()
  known = (safe === null ? null : putInPlace(safe)) ?? putInPlace(own)
  return known
}

/**
 * Lets everybody read what is in this folder of an elevated agent's, as mode 0755 does elsewhere: on Windows a file keeps its access
 * list when an installer moves it. Where it cannot be done, what is moved stays private.
 */
export function openForReading(folder: string): void {
  const helper = windowsHelper()
  if (helper === null) return
  spawnSync(helper, ['public', folder], {
    timeout: RUN_TIMEOUT_MS,
    windowsHide: true,
    stdio: 'ignore',
  })
}
