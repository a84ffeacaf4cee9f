/** Whether the network is metered. If that is `unknown`, work is not deferred. */
import { readFileSync } from 'node:fs'
import { runCommand } from '../lib/run-command.ts'
import { windowsHelper } from '../lib/windows-helper.ts'

export type Metered = 'metered' | 'unmetered' | 'unknown'

const COMMAND_TIMEOUT_MS = 5_000
/** RTF_UP and RTF_GATEWAY. */
const USABLE_GATEWAY = 0x3

/** The interface of the best default route in `/proc/net/route`, or null. */
export function defaultInterface(routes: string): string | null {
  let best: { name: string; metric: number } | null = null
  for (const line of routes.split('\n').slice(1)) {
    const [name, destination, , flags, , , metric, mask] = line.trim().split(/\s+/)
    if (!name || destination !== '00000000' || mask !== '00000000') continue
    if ((parseInt(flags ?? '', 16) & USABLE_GATEWAY) !== USABLE_GATEWAY) continue
    const value = Number(metric)
    if (!best || value < best.metric) best = { name, metric: value }
  }
  return best?.name ?? null
}

/**
 * What NetworkManager reports for this interface: yes, no, "yes (guessed)", "no (guessed)", unknown. @param
 * text of `nmcli -t -f GENERAL.DEVICE,GENERAL.METERED device show`
 */
export function parseNmcli(text: string, name: string): Metered {
  let device = ''
  for (const line of text.split('\n')) {
    const [, field, value] = /^GENERAL\.(DEVICE|METERED):(.*)$/.exec(line.trim()) ?? []
    if (field === 'DEVICE') device = value ?? ''
    else if (field === 'METERED' && device === name)
      return value?.startsWith('yes')
        ? 'metered'
        : value?.startsWith('no')
          ? 'unmetered'
          : 'unknown'
  }
  return 'unknown'
}

async function onLinux(): Promise<Metered> {
  let routes: string
  try {
    routes = readFileSync('/proc/net/route', 'utf8')
  } catch {
    return 'unknown'
  }
  const name = defaultInterface(routes)
  if (name === null) return 'unknown'
  const args = ['-t', '-f', 'GENERAL.DEVICE,GENERAL.METERED', 'device', 'show']
  const { code, stdout } = await runCommand('nmcli', args, COMMAND_TIMEOUT_MS)
  return code === 0 ? parseNmcli(stdout, name) : 'unknown'
}

/** Never rejects. On macOS always `unknown`. */
export async function readMetered(): Promise<Metered> {
  if (process.platform === 'linux') return onLinux()
  const helper = process.platform === 'win32' ? windowsHelper() : null
  if (helper === null) return 'unknown'
  const word = (await runCommand(helper, ['metered'], COMMAND_TIMEOUT_MS)).stdout.trim()
  return word === 'metered' || word === 'unmetered' ? word : 'unknown'
}
