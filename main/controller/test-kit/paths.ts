/** Where tests and benchmarks find files of the project. */
import { join } from 'node:path'

export const PROJECT_ROOT = join(import.meta.dirname, '..', '..', '..')
export const MIGRATIONS_DIR = join(import.meta.dirname, '..', 'store', 'migrations')
/** A program that tests start, such as `run-controller.ts`. */
export const testKitFile = (name: string): string => join(import.meta.dirname, name)
