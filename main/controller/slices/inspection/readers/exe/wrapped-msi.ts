/** Programs that carry a Windows Installer package and pass their arguments on to it. */
import { AppError } from '#shared/contract/errors.ts'
import type { InstallerKnowledge } from '#shared/contract/rest/installer-knowledge.ts'
import type { KnownTechnology } from '#shared/domain/installer-technology.ts'
import type { PackageFacts } from '../../facts.ts'
import { knowledgeOf, read, usual, withoutEmpty } from '../../knowledge.ts'
import { readMsi } from '../msi/msi.ts'
import type { Window } from '../window.ts'

/** Null: it is none, or damaged. */
export function packageIn(window: Window): PackageFacts | null {
  try {
    return readMsi(window)
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_PACKAGE_UNREADABLE') return null
    throw error
  }
}

export function wrappedPackage(
  technology: KnownTechnology,
  args: string,
  inner: PackageFacts | null,
): InstallerKnowledge {
  const install_args = usual(args, technology)
  if (!inner) return knowledgeOf(technology, { facts: { install_args } })
  const source = 'package inside'
  const arch = inner.knowledge?.facts.arch ?? (inner.arch ? read(inner.arch, source) : undefined)
  return knowledgeOf(technology, {
    scope: inner.knowledge?.scope ?? null,
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
