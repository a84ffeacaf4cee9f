/**
 * The agent runs with the umask 077, so that its own files are never readable by others. Installers and tools
 * create files for everyone, so they get the umask of a service.
 */
export const SERVICE_UMASK = 0o022

/** Calls `start`, which spawns a process, with the umask of a service. */
export function withServiceUmask<T>(start: () => T): T {
  const own = process.umask(SERVICE_UMASK)
  try {
    return start()
  } finally {
    process.umask(own)
  }
}
