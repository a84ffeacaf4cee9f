/** The rules by which the clock and the randomness are passed in (eslint.config.js): each is broken once. */
import { ESLint, Linter } from 'eslint'
import tseslint from 'typescript-eslint'
import { expect, it } from 'vitest'

const RULES = [
  'no-restricted-globals',
  'no-restricted-properties',
  'no-restricted-syntax',
  '@typescript-eslint/no-restricted-imports',
]
const eslint = new ESLint()

/** The rules that the code breaks in this file. Only those that need no types. */
async function broken(file: string, code: string): Promise<(string | null)[]> {
  const { rules } = (await eslint.calculateConfigForFile(file)) as { rules: Linter.RulesRecord }
  const config = {
    files: ['**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: { parser: tseslint.parser },
    rules: Object.fromEntries(RULES.flatMap((rule) => (rules[rule] ? [[rule, rules[rule]]] : []))),
  }
  return new Linter().verify(code, config as Linter.Config, file).map(({ ruleId }) => ruleId)
}

const AMBIENT = [
  'setTimeout(work, 1)',
  'setInterval(work, 1)',
  'setImmediate(work)',
  'globalThis.setTimeout(work, 1)',
  'performance.now()',
  'Date.now()',
  'new Date()',
  'Math.random()',
  'crypto.randomUUID()',
  'AbortSignal.timeout(1)',
  "import { setTimeout } from 'node:timers/promises'",
  "import { performance } from 'node:perf_hooks'",
  "import { createHash, randomBytes } from 'node:crypto'",
  "import { systemClock } from '#shared/node/clock.ts'",
  "import { systemRandom } from '#shared/node/random.ts'",
]
const PASSED_IN = [
  'clock.setTimer(1, work)',
  'random.bytes(16)',
  'new Date(clock.wallMs())',
  "import { createHash } from 'node:crypto'",
  "import { sleepBy, type Clock } from '#shared/node/clock.ts'",
  "import type { Random } from '#shared/node/random.ts'",
]

it.each(['agent/attempts/runner.ts', 'main/controller/slices/deployments/shell/engine.ts'])(
  'forbid other clocks and randomness in %s',
  async (file) => {
    for (const code of AMBIENT) expect(await broken(file, code), code).toHaveLength(1)
    for (const code of PASSED_IN) expect(await broken(file, code), code).toEqual([])
  },
)

it.each(['agent/main.ts', 'main/controller/compose/index.ts', 'agent/attempts/runner.test.ts'])(
  'allow them in %s',
  async (file) => {
    for (const code of AMBIENT) expect(await broken(file, code), code).toEqual([])
  },
)
