/** The review's four answers: what will happen, grouped by outcome, then by cause. */
import type { Preflight, PreflightTarget } from '#shared/contract/entities.ts'

export type PreflightOutcome = PreflightTarget['outcome']
export type PreflightCause = {
  key: string
  message: string
  reason: PreflightTarget['reason']
  targets: PreflightTarget[]
}
export type PreflightGroup = { outcome: PreflightOutcome; count: number; causes: PreflightCause[] }

const ORDER: readonly PreflightOutcome[] = ['ready', 'will_wait', 'will_skip', 'will_fail']

/** Always all four, in this order, also when empty. */
export function groupPreflight(preflight: Preflight): PreflightGroup[] {
  return ORDER.map((outcome) => {
    const causes = new Map<string, PreflightCause>()
    const targets = preflight.targets.filter((t) => t.outcome === outcome)
    for (const target of targets) {
      const key = `${target.reason ?? ''}|${target.message}`
      const cause = causes.get(key) ?? {
        key,
        message: target.message,
        reason: target.reason,
        targets: [],
      }
      cause.targets.push(target)
      causes.set(key, cause)
    }
    return {
      outcome,
      count: targets.length,
      causes: [...causes.values()].sort((a, b) => b.targets.length - a.targets.length),
    }
  })
}

export type PreflightDevice = {
  device_id: PreflightTarget['device_id']
  device_name: string
  /** Which packages it is about; empty: all of the deployment's. */
  software: string[]
}

/** The PCs of a cause, each once. */
export function devicesOfCause(cause: PreflightCause, softwareCount: number): PreflightDevice[] {
  const devices = new Map<number, PreflightDevice>()
  for (const { device_id, device_name, software_name } of cause.targets) {
    const device = devices.get(device_id) ?? { device_id, device_name, software: [] }
    device.software.push(software_name)
    devices.set(device_id, device)
  }
  return [...devices.values()].map((d) =>
    d.software.length >= softwareCount ? { ...d, software: [] } : d,
  )
}

/** How many PCs will be worked on: those with at least one target that is ready or will wait. */
export function deployableDevices(preflight: Preflight): number {
  return new Set(
    preflight.targets
      .filter((t) => t.outcome === 'ready' || t.outcome === 'will_wait')
      .map((t) => t.device_id),
  ).size
}
