/** Ends an installer with everything it started. */
import { systemClock } from '#shared/node/clock.ts'
import { findFamily, isAlive, type ProcessId } from '../lib/processes.ts'
import { runCommand } from '../lib/run-command.ts'
import { systemTool } from '../lib/system-tool.ts'
import { windowsHelper } from '../lib/windows-helper.ts'
import { jobOf } from './windows-job.ts'

const POLL_MS = 100
/** New children may appear while the old ones are being killed. */
const KILL_ROUNDS = 20

function send(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal)
  } catch {
    // It has ended in the meantime, or is not ours to end.
  }
}

/**
 * Asks the process family of `root` to end, then kills what is left after the grace period. On Linux that
 * includes processes that left its group, session and parents; on Windows everything in its job object, if
 * there is a helper; elsewhere the group (macOS) or the current tree (Windows).
 */
export async function killTree(root: number, marker: string, graceMs: number): Promise<void> {
  if (process.platform === 'win32') {
    const helper = windowsHelper()
    const job = helper === null ? null : await runCommand(helper, ['kill', jobOf(marker)])
    if (job?.code !== 0)
      await runCommand(systemTool('taskkill.exe'), ['/T', '/F', '/PID', String(root)])
    return
  }
  let family: ProcessId[] = []
  const look = (): ProcessId[] => {
    const now = findFamily(root, marker)
    family = [...now, ...family.filter((old) => !now.some((other) => other.pid === old.pid))]
    return family.filter(isAlive)
  }
  send(-root, 'SIGTERM')
  for (const member of look()) send(member.pid, 'SIGTERM')
  for (let waitedMs = 0; waitedMs < graceMs && look().length > 0; waitedMs += POLL_MS)
    await systemClock.sleep(POLL_MS)
  for (let round = 0; round < KILL_ROUNDS; round++) {
    send(-root, 'SIGKILL')
    const left = look()
    for (const member of left) send(member.pid, 'SIGKILL')
    if (left.length === 0) return
    await systemClock.sleep(POLL_MS)
  }
}
