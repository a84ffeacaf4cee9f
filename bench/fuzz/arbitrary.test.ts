/** The fuzzer covers the contract: it can generate values for every schema, and the schema accepts them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import * as agentLink from '#shared/contract/agent/link.ts'
import { rest } from '#shared/contract/rest/routes.ts'
import type { Route } from '#shared/contract/rest/route.ts'
import { SoftwareFields } from '#shared/contract/rest/software.ts'
import { arbitraryFrom } from './arbitrary.ts'

const isSchema = (value: unknown): value is z.ZodType =>
  typeof value === 'object' && value !== null && '_zod' in value

const schemas: [string, z.ZodType][] = [
  ...Object.entries(rest).flatMap(([name, route]: [string, Route]) =>
    (['params', 'query', 'body'] as const).flatMap((part): [string, z.ZodType][] => {
      const schema = route[part]
      return schema ? [[`${name} ${part}`, schema]] : []
    }),
  ),
  ...Object.entries(agentLink).flatMap(([name, value]): [string, z.ZodType][] =>
    isSchema(value) ? [[name, value]] : [],
  ),
  ['SoftwareFields', SoftwareFields],
]

describe('values generated from a schema', () => {
  it.each(schemas)('are accepted by it: %s', (_name, schema) => {
    for (const value of fc.sample(arbitraryFrom(schema), { numRuns: 40, seed: 7 }))
      expect(schema.safeParse(value).error?.issues ?? []).toEqual([])
  })

  it('use existing values where their pattern matches', () => {
    const id = 'a'.repeat(32)
    const schema = z.object({ id: z.string().regex(/^[0-9a-f]{32}$/) })
    const made = fc.sample(
      arbitraryFrom(schema, () => [id]),
      { numRuns: 40, seed: 7 },
    )
    expect(made).toContainEqual({ id })
    expect(made.some((value) => (value as { id: string }).id !== id)).toBe(true)
  })

  it.each([
    ['a kind', z.map(z.string(), z.string())],
    ['a format', z.email()],
    ['a check of a text', z.string().startsWith('x')],
    ['a check of a number', z.number().multipleOf(7)],
    ['a kind deep inside', z.object({ a: z.array(z.object({ b: z.set(z.string()).optional() })) })],
  ])('fail with an error, instead of being skipped, for %s that is unknown', (_what, schema) => {
    expect(() => arbitraryFrom(schema)).toThrow(/is not known/)
  })
})
