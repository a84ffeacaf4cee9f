/**
 * Keeps secrets in arguments out of what agents of any version report: every text that an installer may have written is
 * masked here before it is stored or shown. Output arrives in pieces that may split a secret; the possible beginning of one
 * is withheld, sealed, until the next piece.
 */
import type {
  CommandReply,
  DeploymentOutput,
  DeploymentResult,
} from '#shared/contract/agent/link.ts'
import type { AttemptId } from '#shared/domain/ids.ts'
import type { AnyValues } from '#shared/domain/templates.ts'
import type { ValueMask } from '#shared/domain/value-mask.ts'
import type { SealedArguments } from '../../../base/sealed-arguments.ts'
import type { AttemptRow, DeploymentsRepo, InstallerRow } from '../tables/deployments.repo.ts'
import type { OutputsRepo } from '../tables/outputs.repo.ts'

export type OutputMask = ReturnType<typeof createOutputMask>
type Refused = Extract<CommandReply, { accepted: false }>

export function createOutputMask(deps: {
  repo: Pick<DeploymentsRepo, 'attempt'>
  outputs: Pick<OutputsRepo, 'append' | 'release'>
  sealed: SealedArguments
}) {
  const { repo, outputs, sealed } = deps
  const maskFor = (installer: InstallerRow | undefined): ValueMask | null =>
    installer ? sealed.maskOf(installer) : null
  /** Reported texts may be truncated inside a secret, so the start of a secret at their end is masked too. */
  const hidden = (mask: ValueMask, text: string): string => mask.end({ text, covered: 0 })

  const hiddenIn = (mask: ValueMask, params: AnyValues): AnyValues =>
    Object.fromEntries(
      Object.entries(params).map(([name, value]) => [
        name,
        typeof value === 'string' ? hidden(mask, value) : value,
      ]),
    )

  return {
    /** Stores a piece of output. Returns the part that may be shown now; null: already recorded. */
    append(
      installer: InstallerRow | undefined,
      attempt: AttemptRow,
      { seq, text }: DeploymentOutput,
    ): string | null {
      const mask = maskFor(installer)
      if (!mask) return outputs.append(attempt, seq, text) ? text : null
      const next = mask.feed(sealed.openHeld(attempt.output_held), text)
      return outputs.append(attempt, seq, next.text, sealed.sealHeld(next.held)) ? next.text : null
    },
    ofRefusal(installer: InstallerRow | undefined, refusal: Refused): Refused {
      const mask = maskFor(installer)
      if (!mask) return refusal
      return {
        ...refusal,
        message: hidden(mask, refusal.message),
        ...(refusal.params && { params: hiddenIn(mask, refusal.params) }),
      }
    },
    ofResult(installer: InstallerRow | undefined, result: DeploymentResult): DeploymentResult {
      const mask = maskFor(installer)
      if (!mask) return result
      return {
        ...result,
        message: hidden(mask, result.message),
        ...(result.result_params && { result_params: hiddenIn(mask, result.result_params) }),
        ...(result.error_details !== undefined && {
          error_details: hidden(mask, result.error_details),
        }),
      }
    },
    /** No more output is expected: adds what was withheld. */
    ended(installer: InstallerRow | undefined, id: AttemptId): void {
      const mask = maskFor(installer)
      const attempt = mask && repo.attempt(id)
      if (mask && attempt?.output_held)
        outputs.release(attempt, mask.end(sealed.openHeld(attempt.output_held)))
    },
  }
}
