import { OUTPUT_LIMIT_BYTES } from '#shared/domain/defaults.ts'

/** Of a long output its first and its last half are kept. */
export const OUTPUT_HALF_BYTES = OUTPUT_LIMIT_BYTES / 2
