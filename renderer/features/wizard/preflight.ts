/** The review's four outcomes, each with its causes. Pure. */
import type {
  DeploymentAction,
  Preflight,
  PreflightTarget,
} from '#shared/contract/rest/deployments.ts'
import { previewText } from '../../ui/lib/coded-text.ts'
import { t } from './texts.ts'

export type PreflightOutcome = PreflightTarget['outcome']
export type PreflightCause = {
  key: string
  message: string
  reason: PreflightTarget['reason']
  /** It says more than that the PC is ready. */
  isRemark: boolean
  targets: PreflightTarget[]
}
export type PreflightGroup = { outcome: PreflightOutcome; count: number; causes: PreflightCause[] }

/** Common messages for causes that many PCs share, regardless of the package. */
const TOGETHER: Partial<Record<NonNullable<PreflightTarget['reason']>, string>> = {
  already_installed: t('preflight.installed'),
  reboot_pending: t('preflight.restart'),
}

const TOGETHER_TO_REMOVE: typeof TOGETHER = {
  ...TOGETHER,
  already_installed: t('preflight.notInstalled'),
}

/** Older controllers send no codes. */
const isPlain = ({ code }: PreflightTarget): boolean => code === undefined || code === 'ready'

const ORDER: readonly PreflightOutcome[] = ['ready', 'will_wait', 'will_skip', 'will_fail']

/** Always all four outcomes, in this order, even if empty. */
export function groupPreflight(preflight: Preflight, action: DeploymentAction): PreflightGroup[] {
  const together = action === 'install' ? TOGETHER : TOGETHER_TO_REMOVE
  return ORDER.map((outcome) => {
    const causes = new Map<string, PreflightCause>()
    const targets = preflight.targets.filter((t) => t.outcome === outcome)
    for (const target of targets) {
      const message = (target.reason && together[target.reason]) ?? previewText(target)
      const key = `${target.reason ?? ''}|${message}`
      const cause = causes.get(key) ?? {
        key,
        message,
        reason: target.reason,
        isRemark: target.outcome !== 'ready' || target.reason !== null || !isPlain(target),
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
  /** The packages concerned; empty: all of the deployment's. */
  software: string[]
  /** Its agent was queried just now. */
  live: boolean
}

/** The PCs of a cause, each once. */
export function devicesOfCause(cause: PreflightCause, softwareCount: number): PreflightDevice[] {
  const devices = new Map<number, PreflightDevice>()
  for (const { device_id, device_name, software_name, live } of cause.targets) {
    const device = devices.get(device_id) ?? { device_id, device_name, software: [], live }
    device.software.push(software_name)
    devices.set(device_id, device)
  }
  return [...devices.values()].map((d) =>
    d.software.length >= softwareCount ? { ...d, software: [] } : d,
  )
}

/** How many PCs will be deployed to: those with at least one target that is ready or will wait. */
export function deployableDevices(preflight: Preflight): number {
  return new Set(
    preflight.targets
      .filter((t) => t.outcome === 'ready' || t.outcome === 'will_wait')
      .map((t) => t.device_id),
  ).size
}

/** How many of the PCs were queried just now, and how many are judged by their last known state. */
export function askedDevices(preflight: Preflight): { live: number; fromMemory: number } {
  const live = new Set(preflight.targets.filter((t) => t.live).map((t) => t.device_id)).size
  return { live, fromMemory: Math.max(0, preflight.device_count - live) }
}

/** The summary: "40 PCs checked just now." */
export function askedInWords(preflight: Preflight): string {
  const { live, fromMemory } = askedDevices(preflight)
  if (fromMemory === 0) return t('preflight.asked', { n: live })
  const known = t('preflight.judged', { n: fromMemory })
  return live === 0 ? known : t('preflight.askedAndJudged', { n: live, known })
}
