/** What an address chooses beforehand in the wizard: `/deployments/new?software=3&device=1,2,7`. Pure. */
import type { z } from 'zod'

/** An address is typed by anybody. */
const LIMIT = 10_000

export const joinIds = (ids: readonly number[]): string => ids.join(',')

/** What is chosen already and what the address names, each once; what is no id is left out. */
export function withChosen<S extends z.ZodType<number>>(
  before: readonly z.output<S>[],
  said: unknown,
  id: S,
): z.output<S>[] {
  const words = typeof said === 'string' ? said.split(',', LIMIT) : []
  const named = words.flatMap((word) => id.safeParse(Number(word || NaN)).data ?? [])
  return [...new Set([...before, ...named])]
}
