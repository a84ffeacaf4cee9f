/**
 * The rule `script`: its exit code decides. It runs with the agent's rights and the environment of an
 * installer, in a temporary folder; its output is discarded. It is signed like every rule, and should change
 * nothing: it runs before and after an installer, and also when a person only previews a deployment.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Detection } from '#shared/contract/detection.ts'
import { cleanEnvironment } from '../attempts/environment.ts'
import type { Presence } from '../install/installers.ts'
import { normalizeScript } from '../install/script-text.ts'
import { interpreterOf } from '../install/script.ts'
import { batchCommand, powershellCommand } from '../install/windows/commands.ts'
import { quoteArgument } from '#shared/domain/command-line.ts'
import { withServiceUmask } from '../lib/umask.ts'
import { killTree } from '../supervisor/kill-tree.ts'
import type { Command } from '../supervisor/files.ts'

type ScriptRule = Extract<Detection, { type: 'script' }>

/** PowerShell exits with 1 after an unhandled error, which would mean that the software is absent. */
const POWERSHELL_GUARD = 'trap { exit 2 }\r\n'
const MARK = '\ufeff'

/** Removes a byte order mark, which a pasted text may have, and uses the interpreter's line endings. */
const asText = (text: string, kind: 'sh' | 'cmd'): string =>
  normalizeScript(Buffer.from(text), kind).toString()

/** The script file and its interpreter; null if this platform has no such interpreter. */
function prepared({ interpreter, text }: ScriptRule, folder: string): [string, Command] | null {
  const file = (name: string): string => join(folder, name)
  const isWindows = process.platform === 'win32'
  if (isWindows !== (interpreter !== 'sh')) return null
  switch (interpreter) {
    case 'sh': {
      const plain = asText(text, 'sh')
      const { file: program, args } = interpreterOf(plain.slice(0, 256))
      return [plain, { file: program, args: [...args, file('detect.sh')], verbatim: false }]
    }
    case 'powershell':
      // Without a byte order mark, Windows PowerShell 5 reads a file in the code page of the PC.
      return [
        MARK + POWERSHELL_GUARD + asText(text, 'cmd'),
        powershellCommand(file('detect.ps1'), []),
      ]
    case 'cmd': {
      const command = batchCommand(file('detect.cmd'), [])
      return command && [asText(text, 'cmd'), command]
    }
  }
}

/** The exit code; null if it did not start or timed out. */
function run(
  command: Command,
  folder: string,
  env: Record<string, string>,
  timeoutMs: number,
): Promise<number | null> {
  const mark = `DEPLOYX_DETECTION=${randomBytes(16).toString('hex')}`
  const [name, value] = mark.split('=') as [string, string]
  return new Promise((resolve) => {
    const child = withServiceUmask(() =>
      spawn(command.file, command.args, {
        cwd: folder,
        env: { ...env, [name]: value },
        stdio: 'ignore',
        detached: process.platform !== 'win32',
        windowsHide: true,
        windowsVerbatimArguments: command.verbatim,
        ...(command.verbatim && process.platform === 'win32'
          ? { argv0: quoteArgument(command.file) }
          : {}),
      }),
    )
    let killing: Promise<void> | null = null
    const timer = setTimeout(() => {
      if (child.pid !== undefined) killing = killTree(child.pid, mark, 0)
    }, timeoutMs)
    child.once('error', () => {
      clearTimeout(timer)
      resolve(null)
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      void Promise.resolve(killing).then(() => resolve(killing === null ? code : null))
    })
  })
}

/** Never rejects. @param scratchDir a folder that only this user may write to */
export async function detectByScript(
  rule: ScriptRule,
  options: { scratchDir: string; installRoot: string | null; timeoutMs: number },
): Promise<Presence> {
  let folder: string | null = null
  try {
    folder = await mkdtemp(join(options.scratchDir, 'detect-'))
    const ready = prepared(rule, folder)
    if (ready === null) return 'unknown'
    const [text, command] = ready
    const extension = { sh: 'sh', powershell: 'ps1', cmd: 'cmd' }[rule.interpreter]
    await writeFile(join(folder, `detect.${extension}`), text, { mode: 0o700 })
    const root: Record<string, string> =
      options.installRoot === null ? {} : { DEPLOYX_INSTALL_ROOT: options.installRoot }
    // Use this folder for temporary files too: the PC's own may be full, read-only or mounted `noexec`.
    const temporary: Record<string, string> = process.platform === 'win32' ? {} : { TMPDIR: folder }
    const env = { ...cleanEnvironment(), ...temporary, ...root }
    const code = await run(command, folder, env, options.timeoutMs)
    return code === 0 ? 'present' : code === 1 ? 'absent' : 'unknown'
  } catch {
    return 'unknown'
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}
