/**
 * Small installers of every technology that is read, each with what is true about it. `build/corpus/samples.integration.test.ts`
 * compares the readers with it; `bench/readers` damages them.
 */
import { OTHER_PLATFORMS } from './other-platforms.ts'
import type { Sample } from './sample.ts'
import { WINDOWS_PACKAGES } from './windows-packages.ts'
import { WINDOWS_PROGRAMS } from './windows-programs.ts'

export type { Sample } from './sample.ts'
export const SAMPLES: readonly Sample[] = [
  ...WINDOWS_PACKAGES,
  ...WINDOWS_PROGRAMS,
  ...OTHER_PLATFORMS,
]
