/** Programs that carry a Windows Installer package and pass their arguments on to it. */
import { AppError } from '#shared/contract/errors.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import type { KnownTechnology } from '#shared/domain/installer-technology.ts'
import type { PackageFacts } from '../../facts.ts'
import { knowledgeOf, read, usual, warning, withoutEmpty } from '../../knowledge.ts'
import { readMsi } from '../msi/msi.ts'
import type { Window } from '../window.ts'

const DAMAGED =
  'The Windows Installer package inside cannot be read, so the file may be damaged. Download it again.'

/** Reads the wrapped package. `damaged`: it cannot be read, or is not an .msi package. */
export function packageIn(window: Window): PackageFacts | 'damaged' {
  try {
    return readMsi(window)
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_PACKAGE_UNREADABLE') return 'damaged'
    throw error
  }
}

/**
 * The facts of the wrapped package, with the silent switches `args` of the program around it.
 * @param inner null: the program downloads its package, or the position of the package is not known
 */
export function wrappedPackage(
  technology: KnownTechnology,
  args: string,
  inner: PackageFacts | 'damaged' | null,
): InstallerKnowledge {
  const install_args = usual(args, technology)
  if (inner === 'damaged')
    return knowledgeOf(technology, {
      complete: false,
      warnings: [warning('truncated', DAMAGED)],
      facts: { install_args },
    })
  if (!inner) return knowledgeOf(technology, { facts: { install_args } })
  const source = 'package inside'
  const arch = inner.knowledge?.facts.arch ?? (inner.arch ? read(inner.arch, source) : undefined)
  return knowledgeOf(technology, {
    complete: inner.knowledge?.complete ?? null,
    scope: inner.knowledge?.scope ?? null,
    // Only these also apply when the program around the package runs it.
    warnings: (inner.knowledge?.warnings ?? []).filter(
      ({ code }) => code === 'needs_property' || code === 'per_user',
    ),
    facts: {
      ...withoutEmpty({
        name: read(inner.name, source),
        version: read(inner.version, source),
        publisher: read(inner.publisher, source),
      }),
      ...(arch ? { arch } : {}),
      ...(inner.detection ? { detection: read(inner.detection, source) } : {}),
      ...(inner.knowledge?.facts.upgrade_of
        ? { upgrade_of: inner.knowledge.facts.upgrade_of }
        : {}),
      install_args,
    },
  })
}
