/** Detection rules are taken only where a PC of the installer's platform can answer them. What was kept before stays. */
import { isDeepStrictEqual } from 'node:util'
import type { Detection } from '#shared/contract/detection.ts'
import { AppError } from '#shared/contract/errors.ts'
import type { DevicePlatform } from '#shared/domain/platforms.ts'
import { foreignRule } from '#shared/domain/rule-platforms.ts'

type Ruled = { detection: Detection | null; platform: DevicePlatform }

/** @throws AppError E_VALIDATION with the field of the rule, when this platform cannot answer it */
function checkRule(rule: Detection | null, platform: DevicePlatform): void {
  const foreign = foreignRule(rule, platform)
  if (foreign)
    throw new AppError('E_VALIDATION', `The detection rule: ${foreign.message}.`, [
      { path: `/detection/${foreign.field}`, message: foreign.message },
    ])
}

/** The rule that a person gave (null: none), else the one that the file tells. @throws AppError as `checkRule` */
export function chosenRule(
  said: Detection | null | undefined,
  told: Detection | null,
  platform: DevicePlatform,
): Detection | null {
  const rule = said === undefined ? told : said
  checkRule(rule, platform)
  return rule
}

/** Of a correction: a foreign rule that it does not touch stands in nobody's way. @throws AppError as `checkRule` */
export function checkChangedRule(before: Ruled, after: Ruled): void {
  if (before.platform !== after.platform || !isDeepStrictEqual(before.detection, after.detection))
    checkRule(after.detection, after.platform)
}

/** What a file tells of itself, where the platform that a person named can use it. */
export const usableRule = (rule: Detection | null, platform: DevicePlatform): Detection | null =>
  foreignRule(rule, platform) === null ? rule : null
