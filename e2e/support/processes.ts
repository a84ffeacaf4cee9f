import type { ChildProcess } from 'node:child_process'

const END_LIMIT_MS = 30_000

export const isRunning = (child: ChildProcess): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null

/** Resolves when the process has ended, immediately if it already has. */
export async function untilEnded(child: ChildProcess, limitMs = END_LIMIT_MS): Promise<void> {
  if (!isRunning(child)) return
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`process ${child.pid} did not end within ${limitMs / 1000} s`)),
      limitMs,
    )
    child.once('exit', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Sends SIGTERM, and SIGKILL if the process does not end. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  child.kill('SIGTERM')
  await untilEnded(child).catch(async () => {
    child.kill('SIGKILL')
    await untilEnded(child)
  })
}
