/**
 * The agent runs with the umask 077, so that nothing of its own is ever readable by others. What installers and tools make is
 * for everyone: they get the umask of a service.
 */
export const SERVICE_UMASK = 0o022

/** Calls `start`, which spawns a process, under the umask of a service. */
export function withServiceUmask<T>(start: () => T): T {
  const own = process.umask(SERVICE_UMASK)
  try {
    return start()
  } finally {
    process.umask(own)
  }
}
