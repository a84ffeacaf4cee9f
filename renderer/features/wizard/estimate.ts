/** An estimate of the draft before the preflight: PCs, how many are online, bytes to send. Pure. */
import type { Device } from '#shared/contract/rest/devices.ts'
import type { Software } from '#shared/contract/rest/software.ts'
import { chooseInstaller } from '#shared/domain/platforms.ts'

export type Estimate = { deviceCount: number; onlineCount: number; totalBytes: number }

export function estimate(software: readonly Software[], devices: readonly Device[]): Estimate {
  let totalBytes = 0
  for (const device of devices)
    for (const entry of software)
      totalBytes += chooseInstaller(entry.installers, device)?.size_bytes ?? 0
  return {
    deviceCount: devices.length,
    onlineCount: devices.filter((d) => d.online).length,
    totalBytes,
  }
}

/** Names of the chosen software without an installer for this PC. */
export function misfits(software: readonly Software[], device: Device): string[] {
  return software.filter((s) => chooseInstaller(s.installers, device) === null).map((s) => s.name)
}
