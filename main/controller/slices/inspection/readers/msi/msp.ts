/** Patches of Windows Installer (learn.microsoft.com/windows/win32/msi, "MsiPatchMetadata Table", "Summary List for Patches"). */
import { cleanText, unreadable, type PackageFacts } from '../../facts.ts'
import { knowledgeOf, read, usual, withoutEmpty } from '../../knowledge.ts'
import type { Window } from '../window.ts'
import { openCompound } from './compound.ts'
import { openDatabase } from './database.ts'
import { MSI_CLASSES, summaryOf } from './msi.ts'
import { msiSigner, TAMPERED } from './signature.ts'
import { SUMMARY } from './summary.ts'

const METADATA = 'the table MsiPatchMetadata'

/** @throws AppError E_PACKAGE_UNREADABLE when it is damaged, cut off, or not a patch */
export function readMsp(window: Window): Partial<PackageFacts> {
  const file = openCompound(window)
  if (MSI_CLASSES[file.root.classId] !== 'msp')
    throw unreadable(
      'it is not a patch of Windows Installer, but a package (.msi) or a transform (.mst)',
    )
  const { rows } = openDatabase(file, false)
  const metadata = new Map(
    rows('MsiPatchMetadata', ['Property', 'Value']).map((row) => [row['Property'], row['Value']]),
  )
  const text = (name: string): string => cleanText(String(metadata.get(name) ?? ''), 200)
  const summary = summaryOf(file)
  const title = cleanText(summary.text(SUMMARY.title), 200)
  const name = text('DisplayName') || title
  const publisher = text('ManufacturerName')
  const signer = msiSigner(file, window)
  return {
    name,
    publisher,
    knowledge: knowledgeOf('msp', {
      complete: true,
      scope: 'machine',
      signer,
      facts: withoutEmpty({
        name: read(name, text('DisplayName') ? METADATA : 'the summary'),
        publisher: read(publisher, METADATA),
        install_args: usual('/qn /norestart', 'Windows Installer'),
        success_exit_codes: usual([0, 1641, 3010], 'Windows Installer'),
      }),
      warnings: signer.state === 'tampered' ? [TAMPERED] : [],
    }),
  }
}
