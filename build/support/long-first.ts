/** The order of the tests: files that take minutes first, so that the others run beside them instead of before them. */
import path from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { projectRoot } from './project.ts'

/** Folders and files that start whole systems or run for a fixed time. */
const MINUTES = ['bench/', 'build/nspawn/', 'build/wine/']

const takesMinutes = ({ moduleId }: TestSpecification): boolean => {
  const file = path.relative(projectRoot, moduleId).replaceAll(path.sep, '/')
  return MINUTES.some((start) => file.startsWith(start)) && file.includes('.integration.')
}

/** Otherwise the order of vitest: by what it remembers of the last run, or by size. */
export class LongFirst extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(specs)
    return [...sorted.filter(takesMinutes), ...sorted.filter((spec) => !takesMinutes(spec))]
  }
}
