/** RPM packages. */
import { coded } from '#shared/domain/coded-texts/codes.ts'
import type { Command } from '../../supervisor/files.ts'
import { RPM_NAME, rpmRemovalName } from '../../detect/linux.ts'
import { impossible, type Job, type Prepared } from '../installers.ts'
import { firstBytes } from '../script.ts'
import { lockedText, RPM_LOCKS, waitForLocks } from './locks.ts'
import { hasEffects, namesOf, NO_SIDE_EFFECTS, refusalOf, simulateRpm } from './simulate.ts'

/** The magic number of RPM packages. rpm itself would read any other file as a list of packages. */
const RPM_MAGIC = 'edabeedb'

const rpm = (args: string[]): Command => ({ file: 'rpm', args, verbatim: false })

/** rpm itself refuses to break other packages, but silently removes packages that the new one replaces. */
export async function prepareRpm(job: Job, installRoot: string | null): Promise<Prepared> {
  const { payload, packageFile } = job
  const root = installRoot === null ? [] : ['--root', installRoot, '--nodeps', '--noscripts']
  const name =
    payload.detection?.type === 'rpm' ? await rpmRemovalName(payload.detection, installRoot) : ''
  if (packageFile === null && !RPM_NAME.test(name))
    return impossible('install_failed', coded('rpm_removal_needs_name', {}))
  if (packageFile !== null && (await firstBytes(packageFile, 4)).toString('hex') !== RPM_MAGIC)
    return impossible('install_failed', coded('rpm_unreadable', {}))
  const { signal, onWait } = job
  const holder = await waitForLocks(RPM_LOCKS, { root: installRoot, signal, onWait })
  if (holder !== null) return impossible('retry_later', lockedText(holder))
  if (packageFile === null)
    return { ok: true, command: rpm([...root, ...payload.argv, '-e', name]), before: null }
  const effects =
    installRoot === null ? await simulateRpm(packageFile, installRoot) : NO_SIDE_EFFECTS
  const refusal = refusalOf(effects, {
    ...{ tool: 'rpm', action: 'install', isGuarded: false },
    mayRemove: payload.allow_removals,
  })
  if (refusal !== null) return impossible(refusal.reason, refusal.text)
  return {
    ok: true,
    command: rpm([...root, ...payload.argv, '-U', packageFile]),
    before:
      effects && hasEffects(effects)
        ? { package_name: null, was_installed: false, effects: namesOf(effects) }
        : null,
  }
}
