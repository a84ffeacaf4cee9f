/**
 * What a package manager would do beyond the request: packages that would be removed or downgraded.
 * Determined before anything is changed.
 */
import { coded, type CodedText, type Effects } from '#shared/domain/coded-texts/codes.ts'
import { compareDeb, compareRpm } from '#shared/domain/versions.ts'
import { RPM_NAME, rpmPackages } from '../../detect/linux.ts'
import { runCommand, type CommandResult } from '../../lib/run-command.ts'

const TIMEOUT_MS = 120_000
const SHOWN_LIMIT = 20

/** Each in the form `name version`. */
export type SideEffects = { removed: string[]; downgraded: string[] }
export const NO_SIDE_EFFECTS: SideEffects = { removed: [], downgraded: [] }

/**
 * Lines of `apt-get -s`: `Remv NAME [VERSION] …`, `Inst NAME [OLD] (NEW …)`. @param own the requested package
 * itself
 */
export function parseAptSimulation(text: string, own: string | null): SideEffects {
  const removed: string[] = []
  const downgraded: string[] = []
  for (const line of text.split('\n')) {
    const remove = /^(?:Remv|Purg) (\S+)(?: \[([^\]]*)\])?/.exec(line)
    if (remove && remove[1]!.split(':')[0] !== own?.split(':')[0])
      removed.push([remove[1], remove[2]].filter(Boolean).join(' '))
    const install = /^Inst (\S+) \[([^\]]+)\] \((\S+)/.exec(line)
    if (install && compareDeb(install[2]!, install[3]!) > 0)
      downgraded.push(`${install[1]} ${install[2]} to ${install[3]}`)
  }
  return { removed, downgraded }
}

/** The actions that `dpkg --dry-run -i` announces. */
export function parseDpkgSimulation(text: string): SideEffects {
  const found = (pattern: RegExp, words: (match: RegExpMatchArray) => string): string[] => [
    ...new Set([...text.matchAll(pattern)].map(words)),
  ]
  return {
    removed: found(/^dpkg: yes, will remove (\S+) in favou?r of /gm, (match) => match[1]!),
    downgraded: found(
      /^dpkg: warning: downgrading (\S+) from (\S+) to (\S+)/gm,
      (match) => `${match[1]} ${match[2]} to ${match[3]}`,
    ),
  }
}

/** It was killed, because it took too long or wrote too much. */
const gaveNoAnswer = ({ code, missing }: CommandResult): boolean => code === null && !missing

/** @returns null if it gives no answer. None if it fails: the tool itself then reports why */
export async function simulateApt(
  args: readonly string[],
  own: string | null,
  env: Record<string, string>,
  timeoutMs = TIMEOUT_MS,
): Promise<SideEffects | null> {
  const simulated = ['-s', ...args.filter((arg) => !['-y', '--no-remove'].includes(arg))]
  const result = await runCommand('apt-get', simulated, timeoutMs, { env })
  if (gaveNoAnswer(result)) return null
  return result.code === 0 ? parseAptSimulation(result.stdout, own) : NO_SIDE_EFFECTS
}

/** @returns null if it gives no answer */
export async function simulateDpkg(
  args: readonly string[],
  env: Record<string, string>,
  timeoutMs = TIMEOUT_MS,
): Promise<SideEffects | null> {
  const result = await runCommand('dpkg', ['--dry-run', ...args], timeoutMs, { env })
  if (gaveNoAnswer(result)) return null
  return parseDpkgSimulation(result.stdout + '\n' + result.stderr)
}

/** Lines of `name\tcondition\tversion`, the packages that a package replaces. */
export const parseObsoletes = (text: string) =>
  text.split('\n').flatMap((line) => {
    const [name, condition = '', version = ''] = line.split('\t')
    return name ? [{ name, condition: condition.trim(), version }] : []
  })

/** Whether `[epoch:]version-release` meets a condition such as `< 2.0`. */
export function meetsCondition(installed: string, condition: string, version: string): boolean {
  if (condition === '' || version === '') return true
  const order = compareRpm(installed, version)
  return (
    (condition.includes('<') && order < 0) ||
    (condition.includes('>') && order > 0) ||
    (condition.includes('=') && order === 0)
  )
}

/**
 * `rpm -U` silently removes the packages that the new one replaces. It refuses everything else itself.
 * @returns null if it gives no answer
 */
export async function simulateRpm(
  packageFile: string,
  root: string | null,
): Promise<SideEffects | null> {
  const format = '[%{OBSOLETENAME}\\t%{OBSOLETEFLAGS:depflags}\\t%{OBSOLETEVERSION}\\n]'
  const query = await runCommand('rpm', ['-qp', '--qf', `%{NAME}\\n${format}`, packageFile])
  if (gaveNoAnswer(query)) return null
  if (query.code !== 0) return NO_SIDE_EFFECTS
  const [own, ...obsoletes] = query.stdout.split('\n')
  const removed: string[] = []
  for (const { name, condition, version } of parseObsoletes(obsoletes.join('\n'))) {
    if (name === own) continue
    // Capabilities such as `foo(x)` are no packages.
    if (!RPM_NAME.test(name)) continue
    const installed = await rpmPackages(name, root)
    if (installed === null) return null
    for (const one of installed)
      if (meetsCondition(one.version, condition, version))
        removed.push(`${one.name} ${one.version.replace(/^0:/, '')}`)
  }
  return { removed: [...new Set(removed)], downgraded: [] }
}

export const hasEffects = ({ removed, downgraded }: SideEffects): boolean =>
  removed.length + downgraded.length > 0

/** The first names of a list, and how many more there are. */
const shortened = (names: readonly string[]): [list?: string, more?: number] => {
  if (names.length === 0) return []
  const more = names.length - SHOWN_LIMIT
  const list = names.slice(0, SHOWN_LIMIT).join(', ')
  return more > 0 ? [list, more] : [list]
}

/** As parameters of a text. */
export function namesOf(effects: SideEffects): Effects {
  const [removed, removed_more] = shortened(effects.removed)
  const [downgraded, downgraded_more] = shortened(effects.downgraded)
  return { removed, removed_more, downgraded, downgraded_more }
}

export type Refusal = { reason: 'install_failed' | 'retry_later'; text: CodedText }

/**
 * Why the command must not run, or null. @param effects null: the simulation gave no answer
 * @param run `isGuarded`: the tool itself refuses what the deployment does not allow
 */
export function refusalOf(
  effects: SideEffects | null,
  run: {
    tool: string
    action: 'install' | 'uninstall'
    mayRemove: boolean
    isGuarded: boolean
  },
): Refusal | null {
  if (run.mayRemove) return null
  if (effects === null)
    return run.isGuarded
      ? null
      : { reason: 'retry_later', text: coded('effects_unknown', { tool: run.tool }) }
  if (!hasEffects(effects)) return null
  const code = run.action === 'install' ? 'side_effects' : 'side_effects_of_removal'
  return { reason: 'install_failed', text: coded(code, namesOf(effects)) }
}
