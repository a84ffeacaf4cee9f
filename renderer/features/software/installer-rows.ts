/** What is known about an installer, as label and value. Pure. */
import type { Installer } from '#shared/contract/rest/software.ts'
import { formatExitCode } from '#shared/domain/windows-codes.ts'
import type { Fact } from '../../ui/fact-list.ts'
import { formatBytes, formatSpan } from '../../ui/lib/format.ts'
import { KIND_NAME } from '../../ui/lib/platforms.ts'
import { detectionInWords } from './detection.ts'
import { scopeInWords, signerInWords, technologyInWords } from './knowledge-words.ts'
import { reasonsOf, type Reason } from './proposals.ts'
import { previewOf, toInstallerForm } from './readout.ts'
import { removalOf } from './removal.ts'
import { t } from './texts.ts'

/** `reason`: how reliable the value is, while it is the one that was read. */
export type InstallerRow = Fact & { reason?: Reason | undefined }

/** What was found out about the file as a whole; nothing for what is unknown. */
function knowledgeRows({ kind, knowledge, install_args }: Installer): InstallerRow[] {
  const tool = technologyInWords(knowledge)
  return [
    { label: t('card.madeWith'), value: tool === KIND_NAME[kind] ? null : tool },
    { label: t('card.installs'), value: scopeInWords(knowledge, install_args) },
    { label: t('card.signature'), value: signerInWords(knowledge) },
  ].filter(({ value }) => value !== null)
}

function removalRows(installer: Installer): InstallerRow[] {
  const removal = removalOf(toInstallerForm(installer), installer)
  const label = t('removal.heading')
  if (!removal) return []
  if ('obstacle' in removal) return [{ label, value: t(`removal.obstacles.${removal.obstacle}`) }]
  const { command, reason } = removal
  return command === null
    ? [{ label, value: t('removal.registered') }]
    : [{ label, value: command, mono: true, reason }]
}

const fileRows = (i: Installer): InstallerRow[] => [
  { label: t('card.file'), value: i.file_name },
  { label: t('card.kind'), value: KIND_NAME[i.kind] },
  ...knowledgeRows(i),
  { label: t('card.size'), value: i.size_bytes === null ? null : formatBytes(i.size_bytes) },
  ...(i.archive
    ? [{ label: t('card.expandsTo'), value: formatBytes(i.archive.expanded_bytes) }]
    : []),
]

function runRows(i: Installer): InstallerRow[] {
  const form = toInstallerForm(i)
  const reasons = reasonsOf(form, i)
  const command = previewOf(form, i)
  return [
    ...(i.archive
      ? [
          { label: t('card.runs'), value: i.archive.entry, mono: true },
          { label: t('card.removesBy'), value: i.archive.uninstall_entry, mono: true },
        ]
      : []),
    { label: t('card.arguments'), value: i.install_args, mono: true, reason: reasons.arguments },
    ...(command ? [{ label: t('fields.command'), value: command, mono: true }] : []),
    { label: t('card.timeOut'), value: formatSpan(i.timeout_seconds * 1000) },
    {
      label: t('card.successCodes'),
      value: i.success_exit_codes.map(formatExitCode).join(', ') || '0',
      mono: true,
      reason: reasons.codes,
    },
    {
      label: t('card.detectionRule'),
      value: detectionInWords(i.detection) ?? t('card.noRule'),
      reason: reasons.detection,
    },
    ...removalRows(i),
  ]
}

/** @param withFields whether the editable values are among them */
export const installerRows = (installer: Installer, withFields: boolean): InstallerRow[] => [
  ...fileRows(installer),
  ...(withFields ? runRows(installer) : []),
  { label: t('card.sha256'), value: installer.sha256, mono: true },
]
