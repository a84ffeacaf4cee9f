/** The preselection in the wizard's address: `/deployments/new?software=3&device=1,2,7`. Pure. */
import type { z } from 'zod'

/** Bounds the work, because an address is untrusted input. */
const LIMIT = 10_000

export const joinIds = (ids: readonly number[]): string => ids.join(',')

/** Combines the ids already chosen with those in the address, each once; invalid ids are ignored. */
export function withChosen<S extends z.ZodType<number>>(
  before: readonly z.output<S>[],
  value: unknown,
  id: S,
): z.output<S>[] {
  const words = typeof value === 'string' ? value.split(',', LIMIT) : []
  const named = words.flatMap((word) => id.safeParse(Number(word || NaN)).data ?? [])
  return [...new Set([...before, ...named])]
}
