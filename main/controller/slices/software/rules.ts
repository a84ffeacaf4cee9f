/** Detection rules are accepted only if PCs of the installer's platform can evaluate them. Stored rules stay. */
import { isDeepStrictEqual } from 'node:util'
import type { Detection } from '#shared/contract/detection.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { foreignRule } from '#shared/domain/rule-platforms.ts'

type Ruled = { detection: Detection | null; platform: DevicePlatform }

/** @throws AppError E_VALIDATION with the field of the rule, when this platform cannot evaluate it */
function checkRule(rule: Detection | null, platform: DevicePlatform): void {
  const foreign = foreignRule(rule, platform)
  if (foreign)
    throw new AppError('E_VALIDATION', `The detection rule: ${foreign.message}.`, [
      { path: `/detection/${foreign.field}`, message: foreign.message },
    ])
}

/** The rule that the user gave (null: none), otherwise the one that the file suggests. @throws AppError as `checkRule` */
export function chosenRule(
  given: Detection | null | undefined,
  suggested: Detection | null,
  platform: DevicePlatform,
): Detection | null {
  const rule = given === undefined ? suggested : given
  checkRule(rule, platform)
  return rule
}

/** For a correction: a rule of another platform blocks nothing as long as it is not changed. @throws AppError as `checkRule` */
export function checkChangedRule(before: Ruled, after: Ruled): void {
  if (before.platform !== after.platform || !isDeepStrictEqual(before.detection, after.detection))
    checkRule(after.detection, after.platform)
}

/** The rule that a file suggests, if the platform that the user chose can evaluate it. */
export const usableRule = (rule: Detection | null, platform: DevicePlatform): Detection | null =>
  foreignRule(rule, platform) === null ? rule : null
