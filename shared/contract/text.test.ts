/** No text from a PC reaches a reader uncleaned: every string of the agent's contract is cleaned or has a closed form. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { agentEvents, AgentFacts, CommandReply, EnrollRequest, Hello } from './agent-link.ts'
import { InspectReply } from './agent-inspect.ts'
import { RestartReply } from './agent-restart.ts'
import { Name } from './requests.ts'
import { PairAnswer, PairBegin, PairReveal } from './pairing.ts'

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
 * Output, whose control characters the console shows as such; what is only compared; and a packed inventory, whose texts are
 * checked once it is unpacked (shared/domain/inventory.ts).
 */
const NEVER_CLEANED = new Set([
  'deployment_output.text',
  'EnrollRequest.secret',
  'inventory_report.inventory.packed',
])

/** Whether a string with any character in it passes: nothing cleans it, and no pattern or format restricts it. */
const acceptsAnything = (checks: readonly z.core.$ZodCheck[] = []): boolean =>
  !checks.some(({ _zod: { def } }) => ['overwrite', 'string_format'].includes(def.check))

/** Paths of the strings below a schema that let characters through which steer a reader. */
function uncleaned(schema: z.core.$ZodType, path: string): string[] {
  const { def } = (schema as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'string':
      // A format, such as that of a date, is a part of the schema itself.
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

describe('what a PC sends', () => {
  it.each(Object.entries(fromPcs))('%s holds no text that steers a reader', (name, schema) => {
    const found = uncleaned(schema, name).filter((path) => !NEVER_CLEANED.has(path))
    expect(found).toEqual([])
  })

  it('the walk finds an uncleaned text', () => {
    const schema = z.object({ list: z.array(z.object({ text: z.string().max(5) }).optional()) })
    expect(uncleaned(schema, 'x')).toEqual(['x.list[].text'])
  })

  it('cleans names of PCs when they are parsed', () => {
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

it('refuses a typed name that steers, and trims the rest', () => {
  expect(Name.safeParse('Lab \u202egpj').success).toBe(false)
  expect(Name.safeParse(' ').success).toBe(false)
  expect(Name.parse('  Büro 2 ')).toBe('Büro 2')
})
