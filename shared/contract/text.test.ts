/** Every string of the agent's contract is cleaned or has a restricted format. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agentEvents, AgentFacts, CommandReply, EnrollRequest, Hello } from './agent/link.ts'
import { InspectReply } from './agent/inspect.ts'
import { RestartReply } from './agent/restart.ts'
import { Name } from './rest/common.ts'
import { PairAnswer, PairBegin, PairReveal } from './agent/pairing.ts'

const fromPcs = {
  ...agentEvents,
  EnrollRequest,
  Hello,
  CommandReply,
  RestartReply,
  InspectReply,
  PairBegin,
  PairReveal,
  PairAnswer,
}

/**
 * Exceptions: output, whose control characters the console makes visible; a secret that is only compared; and a packed
 * inventory, whose texts are checked after unpacking (shared/domain/inventory.ts).
 */
const NEVER_CLEANED = new Set([
  'deployment_output.text',
  'EnrollRequest.secret',
  'inventory_report.inventory.packed',
])

/** Whether a string may hold any character: nothing cleans it, and no pattern or format restricts it. */
const acceptsAnything = (checks: readonly z.core.$ZodCheck[] = []): boolean =>
  !checks.some(({ _zod: { def } }) => ['overwrite', 'string_format'].includes(def.check))

/** Paths of the strings below a schema that let control and direction characters through. */
function uncleaned(schema: z.core.$ZodType, path: string): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'string':
      // A format, such as a date, restricts the string.
      return !('format' in def) && acceptsAnything(def.checks) ? [path] : []
    case 'object':
      return Object.entries(def.shape).flatMap(([key, of]) => uncleaned(of, `${path}.${key}`))
    case 'array':
      return uncleaned(def.element, `${path}[]`)
    case 'union':
      return def.options.flatMap((of) => uncleaned(of, path))
    case 'record':
      return uncleaned(def.valueType, `${path}{}`)
    case 'pipe':
      return uncleaned(def.in, path)
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return uncleaned(def.innerType, path)
    default:
      return []
  }
}

describe('messages from a PC', () => {
  it.each(Object.entries(fromPcs))('cleans or restricts every string of %s', (name, schema) => {
    const found = uncleaned(schema, name).filter((path) => !NEVER_CLEANED.has(path))
    expect(found).toEqual([])
  })

  it('detects a string that is not cleaned', () => {
    const schema = z.object({ list: z.array(z.object({ text: z.string().max(5) }).optional()) })
    expect(uncleaned(schema, 'x')).toEqual(['x.list[].text'])
  })

  it('cleans names of PCs when parsing', () => {
    const facts = AgentFacts.parse({
      name: 'LAB-\u202e10\u001b[2J',
      platform: 'linux',
      arch: 'x64',
      os_version: 'Debian\u0000',
      agent_version: '1',
      free_disk_bytes: null,
    })
    expect(facts).toMatchObject({ name: 'LAB-\ufffd10\ufffd[2J', os_version: 'Debian\ufffd' })
  })
})

it('refuses a typed name with direction characters, and trims the rest', () => {
  expect(Name.safeParse('Lab \u202egpj').success).toBe(false)
  expect(Name.safeParse(' ').success).toBe(false)
  expect(Name.parse('  Büro 2 ')).toBe('Büro 2')
})
