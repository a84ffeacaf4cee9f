import { OUTPUT_LIMIT_BYTES } from '#shared/domain/defaults.ts'

/** Of a long output, the first and the last half of the limit are kept. */
export const OUTPUT_HALF_BYTES = OUTPUT_LIMIT_BYTES / 2
