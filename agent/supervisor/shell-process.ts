/** The agent's link to a supervisor that is a shell (shell-script.ts), while both are alive. */
import { spawn, type ChildProcess } from 'node:child_process'
import { ShellRecord, type Spec } from './files.ts'
import { lowerPriorityOf, withLowDiskPriority } from './low-priority.ts'

export type ShellProcess = {
  pid: number
  /** The agent has recorded the claim: start the installer. */
  begin: () => void
  /** Called once, when the installer has its process. */
  onInstaller: (callback: (pid: number) => void) => void
  /** How the installer ended; null: the shell was killed before that. */
  ended: Promise<ShellRecord | null>
  /** Nothing more is needed: no stand-in starts. */
  release: () => void
  /** Disconnects. Before `begin`: the installer never starts. After it: a stand-in takes over. */
  leave: () => void
}

/** @returns null if it cannot be started or ends before it is ready, because this PC lacks something it needs */
function launch(words: readonly string[], spec: Spec): Promise<ShellProcess | null> {
  return new Promise((resolve) => {
    const [file = '', ...args] = words
    const child: ChildProcess = spawn(file, args, {
      cwd: spec.cwd,
      // Without the marker: only the installer and what it starts have it.
      env: { ...spec.env, DEPLOYX_ATTEMPT_ID: undefined },
      stdio: ['pipe', 'pipe', 'ignore'],
      // It has to outlive the agent, even if a signal is sent to the agent's process group.
      detached: true,
    })
    const { pid, stdin, stdout } = child
    child.once('error', () => resolve(null))
    if (pid === undefined || !stdin || !stdout) return
    lowerPriorityOf(pid)
    stdin.on('error', () => undefined)
    stdout.on('error', () => undefined)
    let onInstaller: (pid: number) => void = () => undefined
    let end: (record: ShellRecord | null) => void = () => undefined
    const ended = new Promise<ShellRecord | null>((settle) => (end = settle))
    const shell: ShellProcess = {
      pid,
      begin: () => void stdin.write('go\n'),
      onInstaller: (callback) => (onInstaller = callback),
      ended,
      release: () => void stdin.end('end\n'),
      leave() {
        stdin.destroy()
        stdout.destroy()
        child.unref()
      },
    }
    const take = (line: string): void => {
      const [word = '', number] = line.split(' ')
      if (word === 'ready') return resolve(shell)
      if (word === 'pid') return onInstaller(Number(number))
      const record = ShellRecord.safeParse({ [word]: Number(number) })
      if (record.success) end(record.data)
    }
    let rest = ''
    stdout.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(take)
    })
    child.once('close', () => {
      resolve(null)
      end(null)
    })
  })
}

/** Starts the shell; `begin` then starts the installer. Null: this PC cannot run it. */
export async function launchShell(
  words: readonly string[],
  spec: Spec,
): Promise<ShellProcess | null> {
  const low = withLowDiskPriority(words)
  return (low && (await launch(low, spec))) ?? launch(words, spec)
}
