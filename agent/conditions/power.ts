/** Where the PC's power comes from. What cannot be told is `unknown`, and holds nobody back. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../lib/run-command.ts'
import { windowsHelper } from '../lib/windows-helper.ts'

export type Power = 'ac' | 'battery' | 'unknown'

const COMMAND_TIMEOUT_MS = 5_000

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return null
  }
}

/**
 * Linux tells of each supply in a folder of its own (kernel.org: Documentation/ABI/testing/sysfs-class-power). A battery of
 * a mouse (`scope` Device) is none of the PC's.
 * @param root where `sys` lies
 */
export function linuxPower(root: string): Power {
  const base = join(root, 'sys/class/power_supply')
  let names: string[]
  try {
    names = readdirSync(base)
  } catch {
    return 'unknown'
  }
  let isDischarging = false
  for (const name of names) {
    const said = (what: string): string | null => read(join(base, name, what))
    if (said('scope') === 'Device') continue
    const type = said('type')
    if ((type === 'Mains' || type?.startsWith('USB')) && said('online') === '1') return 'ac'
    if (type === 'Battery' && said('status') === 'Discharging') isDischarging = true
  }
  return isDischarging ? 'battery' : 'unknown'
}

/** The first line of `pmset -g batt` on macOS: Now drawing from 'Battery Power'. */
export function parsePmset(text: string): Power {
  const source = /^Now drawing from '([^'\n]+)'/m.exec(text)?.[1]
  return source === 'AC Power' ? 'ac' : source === 'Battery Power' ? 'battery' : 'unknown'
}

const isPower = (word: string): word is Power => word === 'ac' || word === 'battery'

/** @param root stands for the PC where it is not `/` @returns never rejects */
export async function readPower(root: string): Promise<Power> {
  switch (process.platform) {
    case 'win32': {
      const helper = windowsHelper()
      if (helper === null) return 'unknown'
      const word = (await runCommand(helper, ['power'], COMMAND_TIMEOUT_MS)).stdout.trim()
      return isPower(word) ? word : 'unknown'
    }
    case 'darwin':
      return parsePmset(
        (await runCommand('/usr/bin/pmset', ['-g', 'batt'], COMMAND_TIMEOUT_MS)).stdout,
      )
    default:
      return linuxPower(root)
  }
}
