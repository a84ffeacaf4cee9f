/** The PC's power source. If that is `unknown`, work is not deferred. */
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
 * Linux describes each supply in its own folder (kernel.org: Documentation/ABI/testing/sysfs-class-power).
 * The battery of a mouse (`scope` Device) does not count. @param root the folder that contains `sys`
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
    const attribute = (what: string): string | null => read(join(base, name, what))
    if (attribute('scope') === 'Device') continue
    const type = attribute('type')
    if ((type === 'Mains' || type?.startsWith('USB')) && attribute('online') === '1') return 'ac'
    if (type === 'Battery' && attribute('status') === 'Discharging') isDischarging = true
  }
  return isDischarging ? 'battery' : 'unknown'
}

/** The first line of `pmset -g batt` on macOS: Now drawing from 'Battery Power'. */
export function parsePmset(text: string): Power {
  const source = /^Now drawing from '([^'\n]+)'/m.exec(text)?.[1]
  return source === 'AC Power' ? 'ac' : source === 'Battery Power' ? 'battery' : 'unknown'
}

const isPower = (word: string): word is Power => word === 'ac' || word === 'battery'

/** @param root the root of the PC, `/` except in tests @returns never rejects */
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
